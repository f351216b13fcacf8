"""Writes the report about one part: what the model says of the frame, its box placed more exactly by closer looks."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from statistics import median
from typing import Final

from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import REPORT_TOKENS, Pictures, report_request
from inspector.domain.report import Box, Words, WordsState, read_words, report_schema
from inspector.errors import InspectorError
from inspector.judging.part_pictures import PartPictures
from inspector.ports.engine import Engine

REPORT_START: Final = '{"defect": "'


async def write_report(engine: Engine, sight: PartPictures, pipeline: Pipeline) -> Words:
    """Never raises for a failing model: MISSING with the reason, or what it had written before it failed."""
    started = time.monotonic()
    try:
        words = await _written(engine, sight, pipeline)
    except InspectorError as error:
        return Words(WordsState.MISSING, raw=str(error))
    words = await _placed(sight, words, pipeline.close_looks)
    return replace(words, ms=(time.monotonic() - started) * 1000.0)


async def _written(engine: Engine, sight: PartPictures, pipeline: Pipeline) -> Words:
    written = await engine.write(
        await sight.prefix(Pictures.FRAME),
        report_request(pipeline),
        start=REPORT_START,
        max_tokens=REPORT_TOKENS,
        schema=report_schema(pipeline),
    )
    return read_words(written.text, pipeline, tokens=written.tokens)


async def _placed(sight: PartPictures, words: Words, looks: int) -> Words:
    """The words with the main finding's box between where the model pointed at first and in each closer look, which
    goes where the last one pointed: of three looks one that goes wrong is outvoted, side by side of the box."""
    if words.main is None or words.main.bbox_norm is None:
        return words
    boxes, tokens = [words.main.bbox_norm], words.tokens
    with suppress(InspectorError):  # what it pointed at before stands
        while len(boxes) <= looks and (closer := await sight.relocate(boxes[-1])):
            boxes.append(closer.box)
            tokens += closer.tokens
    main = replace(words.main, bbox_norm=Box(*map(median, zip(*boxes, strict=True))))
    return replace(words, findings=(main, *words.findings[1:]), tokens=tokens)
