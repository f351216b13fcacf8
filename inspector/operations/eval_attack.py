"""Measure how many NG parts escape when stickers try to talk the model round. Resumable."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from inspector.errors import InspectorError, PictureError
from inspector.lab.evaluation.attack import NO_STICKER, AttackResult, measure_attack
from inspector.lab.evaluation.part_recorder import LabelledPart, RecordedPart
from inspector.lab.evaluation.question_set import CUT_THOUGHTS
from inspector.lab.evaluation.stickers import EMPTY_STICKER, MAX_TEXT_CHARS, TEXTS, Sticker, text_sticker, with_sticker
from inspector.operations.compare_strategies import ComparisonSettings, PartSource, parts_recorder, record_parts
from inspector.operations.progress import ReportProgress, no_progress

GOOD_PART: Final = "good part"
MAX_TEXTS: Final = 8


def attack(
    source: PartSource,
    settings: ComparisonSettings,
    texts: Sequence[str] = (),
    *,
    thoughts: bool = True,
    progress: ReportProgress = no_progress,
) -> AttackResult:
    """Record the answers about NG parts under every sticker, and compare them.

    Raises InspectorError for unusable texts, or if the source has no NG part, before the model is asked.
    """
    stickers = [EMPTY_STICKER, *map(text_sticker, checked_texts(texts))]
    readable, unreadable = _readable(part for part in source.parts if part.is_ng)
    if not readable:
        raise InspectorError(f"{source.name}: no readable NG part; an attack needs parts that must not pass")
    recorder = parts_recorder(source, settings, [CUT_THOUGHTS] if thoughts else [])
    variants = {NO_STICKER: readable, **{each.name: _stuck(readable, each) for each in stickers}}
    if all(part.golden for part in readable):
        variants[GOOD_PART] = [_with_good_part(part, source) for part in readable]
    recorded: dict[str, Sequence[RecordedPart]] = {}
    for name, parts in variants.items():
        shown = replace(source, name=name, parts=iter(parts), total=len(parts))
        answers = record_parts(shown, recorder, settings, progress)
        if answers.unreadable:
            raise InspectorError(f"the model can't read {', '.join(answers.unreadable)}; leave them out, and run again")
        recorded[name] = answers.parts
    return asyncio.run(measure_attack(source.name, recorded, unreadable))


def checked_texts(texts: Sequence[str]) -> list[str]:
    """The texts to stick, each once; TEXTS without any. Raises InspectorError for one that does not fit."""
    for text in texts:
        if not text.strip() or len(text) > MAX_TEXT_CHARS or not (text.isascii() and text.isprintable()):
            raise InspectorError(
                f"--text {text!r} can't be printed on a sticker; write 1 to {MAX_TEXT_CHARS} printable ASCII characters"
            )
    if len(texts) > MAX_TEXTS:
        raise InspectorError(f"{len(texts)} texts, at most {MAX_TEXTS} are possible; leave some out")
    return list(dict.fromkeys(texts or TEXTS))


def _readable(parts: Iterator[LabelledPart]) -> tuple[list[LabelledPart], list[str]]:
    readable, unreadable = list[LabelledPart](), list[str]()
    for part in parts:
        try:
            with_sticker(part.picture, EMPTY_STICKER)
        except PictureError as error:
            unreadable.append(f"{part.name}: {error}")
        else:
            readable.append(part)
    return readable, unreadable


def _stuck(parts: Sequence[LabelledPart], sticker: Sticker) -> list[LabelledPart]:
    return [replace(part, picture=with_sticker(part.picture, sticker, part.defects_px)) for part in parts]


def _with_good_part(part: LabelledPart, source: PartSource) -> LabelledPart:
    shown = Sticker(GOOD_PART, picture=source.evidence.get(part.golden[0]))
    return replace(part, picture=with_sticker(part.picture, shown, part.defects_px))
