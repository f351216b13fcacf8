"""The writer of a part's report: the model describes the defect, and closer looks refine its box."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from statistics import median
from typing import Final

from inspector.domain.cameras import Region
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import REPORT_TOKENS, Pictures, report_request
from inspector.domain.report import Box, Finding, Words, WordsState, on_frame, read_words, report_schema
from inspector.errors import InspectorError
from inspector.judging.part_pictures import PartPictures
from inspector.ports.engine import Engine

REPORT_START: Final = '{"defect": "'


async def write_report(engine: Engine, pictures: PartPictures, pipeline: Pipeline) -> Words:
    """Write the report about one part.

    Never raises for a failing model: the result is MISSING with the reason, or the text that was written before the
    failure.
    """
    started = time.monotonic()
    try:
        words = await _written(engine, pictures, pipeline)
    except InspectorError as error:
        return Words(WordsState.MISSING, raw=str(error))
    words = _on_frame(await _placed(pictures, words, pipeline.close_looks), pictures.region)
    return replace(words, ms=(time.monotonic() - started) * 1000.0)


async def _written(engine: Engine, pictures: PartPictures, pipeline: Pipeline) -> Words:
    written = await engine.write(
        await pictures.prefix(Pictures.FRAME),
        report_request(pipeline),
        start=REPORT_START,
        max_tokens=REPORT_TOKENS,
        schema=report_schema(pipeline),
    )
    return read_words(written.text, pipeline, tokens=written.tokens)


async def _placed(pictures: PartPictures, words: Words, looks: int) -> Words:
    """Refine the main finding's box by closer looks, each at the place of the previous one.

    The result is the median of the first box and all closer ones, per edge, so that one wrong look of three is
    outvoted.
    """
    if words.main is None or words.main.bbox_norm is None:
        return words
    boxes, tokens = [words.main.bbox_norm], words.tokens
    with suppress(InspectorError):  # the boxes so far are kept
        while len(boxes) <= looks and (closer := await pictures.relocate(boxes[-1])):
            boxes.append(closer.box)
            tokens += closer.tokens
    main = replace(words.main, bbox_norm=Box(*map(median, zip(*boxes, strict=True))))
    return replace(words, findings=(main, *words.findings[1:]), tokens=tokens)


def _on_frame(words: Words, region: Region | None) -> Words:
    """Return the words with boxes of the whole frame: the model was shown the camera's region."""
    return words if region is None else replace(words, findings=tuple(_moved(each, region) for each in words.findings))


def _moved(finding: Finding, region: Region) -> Finding:
    return replace(finding, bbox_norm=finding.bbox_norm and on_frame(finding.bbox_norm, region))
