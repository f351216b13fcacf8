"""Writes the report about one part: what the model says of the frame, its box placed more exactly by closer looks."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

from inspector.errors import InspectorError
from inspector.pipeline import Pipeline
from inspector.ports import Engine
from inspector.report import Words, WordsState, read_words, report_schema
from inspector.sight import Sight
from inspector.view import REPORT_TOKENS, Pictures, report_request

REPORT_START: Final = '{"defect": "'


async def describe(engine: Engine, sight: Sight, pipeline: Pipeline) -> Words:
    """Never raises for a failing model: MISSING with the reason, or what it had written before it failed."""
    started = time.monotonic()
    try:
        words = await _written(engine, sight, pipeline)
    except InspectorError as error:
        return Words(WordsState.MISSING, raw=str(error))
    try:
        for _ in range(pipeline.close_looks):
            words = await _placed(sight, words)
    except InspectorError:  # the box of the first look stands
        pass
    return replace(words, ms=(time.monotonic() - started) * 1000.0)


async def _written(engine: Engine, sight: Sight, pipeline: Pipeline) -> Words:
    written = await engine.write(
        await sight.prefix(Pictures.FRAME),
        report_request(pipeline),
        start=REPORT_START,
        max_tokens=REPORT_TOKENS,
        schema=report_schema(pipeline),
    )
    return read_words(written.text, pipeline, tokens=written.tokens)


async def _placed(sight: Sight, words: Words) -> Words:
    """The words with the main finding's box where the model points from closer."""
    if words.main is None or words.main.bbox_norm is None:
        return words
    closer = await sight.looked_closer(words.main.bbox_norm)
    if closer is None:
        return words
    main = replace(words.main, bbox_norm=closer.box)
    return replace(words, findings=(main, *words.findings[1:]), tokens=words.tokens + closer.tokens)
