"""Settings that a new version takes over from the live one: what the line learned need not be declared."""

from __future__ import annotations

from inspector.config.diff import Declaration
from inspector.domain.pipeline import Pipeline
from inspector.lines.versions import ReadableVersion


def carry_over(content: ReadableVersion, live: Declaration) -> ReadableVersion:
    """Return the content with what the line was taught, remembers and learned, as far as it still holds."""
    pipeline = _with_memory(_with_taught_model(content.pipeline, live.pipeline), live.pipeline)
    return ReadableVersion(_with_learned(pipeline, content.golden, live), content.golden)


def _with_taught_model(pipeline: Pipeline, live: Pipeline) -> Pipeline:
    mine, theirs = pipeline.second_opinion, live.second_opinion
    if mine is None or not mine.is_taught or mine.model is not None or theirs is None or theirs.model is None:
        return pipeline
    opinion = mine.model_copy(update={"model": theirs.model, "doubt_above": theirs.doubt_above})
    return pipeline.model_copy(update={"second_opinion": opinion})


def _with_memory(pipeline: Pipeline, live: Pipeline) -> Pipeline:
    if not pipeline.shows_similar or pipeline.similar_parts is not None:
        return pipeline
    return pipeline.model_copy(update={"similar_parts": live.similar_parts})


def _with_learned(pipeline: Pipeline, golden: tuple[str, ...], live: Declaration) -> Pipeline:
    """Take over values learned from the line's votes where its scores are unchanged."""
    same_scores = pipeline.settings_fingerprint() == live.pipeline.settings_fingerprint() and golden == tuple(
        live.golden
    )
    if pipeline.learned is not None or not same_scores:
        return pipeline
    return pipeline.model_copy(update={"learned": live.pipeline.learned})
