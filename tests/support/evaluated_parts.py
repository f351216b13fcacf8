"""Labelled parts, and an engine that is right more often about visible defects."""

from __future__ import annotations

import math
import random
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

from support.line_fakes import KeptPrefix, ScriptedEngine, pipeline

from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import Question
from inspector.errors import PictureError
from inspector.lab.evaluation.part_recorder import LabelledPart
from inspector.ports.engine import Answer, Picture, Prefix

POINTS = "100, 200, 300, 400]}"
BROKEN = b"broken"
LADDER = (
    {"views": ["direct"]},
    {"views": ["paraphrase", "inverted"], "samples": 2},
    {"views": ["zoom", "checklist"]},
)
SHARPNESS = {ViewName.ZOOM: 4.0, ViewName.CHECKLIST: 3.0}


def a_line(**settings: object) -> Pipeline:
    return pipeline(**{"ladder": LADDER, "thresholds": {"pass_below": 0.3, "reject_above": 0.7}, **settings})


def parts(count: int, declared: Pipeline | None = None, golden: tuple[str, ...] = ()) -> list[LabelledPart]:
    """OK and NG parts in turn; the picture's bytes are the label."""
    return [
        LabelledPart(
            f"part-{k}",
            declared or a_line(),
            f"{'ng' if k % 2 else 'ok'} {k}".encode(),
            k % 2 == 1,
            golden,
            random.Random(k).random() if k % 2 else None,
        )
        for k in range(count)
    ]


class OpinionatedEngine(ScriptedEngine):
    """An engine whose answers depend only on the picture, the question and the draft's seed, as a model's do."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"text": POINTS, **settings})

    async def open(self, pictures: Sequence[Picture], preamble: str) -> KeptPrefix:
        if pictures[-1].data == BROKEN:
            raise PictureError("not a picture")
        return await super().open(pictures, preamble)

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        assert isinstance(prefix, KeptPrefix)
        picture = prefix.pictures[-1].data
        told = [
            replace(answer, **opinion(picture, questions[answer.index]))
            async for answer in super().ask(prefix, questions)
        ]
        for answer in sorted(told, key=lambda answer: answer.tokens):
            yield answer


def opinion(picture: bytes, question: Question) -> dict[str, Any]:
    drafted = question.reasoning is not Reasoning.NONE
    dice = random.Random(repr((picture, question.view, question.text, question.seed if drafted else 0)))
    side = 1.0 if picture.startswith(b"ng") else -1.0
    odds = SHARPNESS.get(question.view, 1.0) * side + dice.gauss(0.0, 1.5)
    return {"p_ng": 1.0 / (1.0 + math.exp(-odds)), "tokens": dice.randint(4, 20) if drafted else 0}
