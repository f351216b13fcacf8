"""Encodes jobs for the way to a replica: the pipeline as text, written once per version and parsed once per replica.

Pickling the declaration for every frame costs more than the judge's own share of the call.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from inspector.domain.frame import FrameKey
from inspector.domain.pipeline import Pipeline
from inspector.ports.pool import Job

CACHED_PIPELINES = 64


class EncodedJob(NamedTuple):
    """A job in values that pickle quickly. `key` is line, camera, trigger_id."""

    key: tuple[str, str, str]
    payload: bytes
    pipeline: str
    golden: tuple[str, ...]
    remaining_ms: float
    seed: int
    max_rungs: int | None
    traceparent: str | None
    template: str
    can_wait: bool


class JobEncoder:
    """Encodes jobs; remembers the text of each line's current pipeline."""

    def __init__(self) -> None:
        self._texts: dict[str, tuple[Pipeline, str]] = {}

    def pack(self, job: Job) -> EncodedJob:
        text = self._text(job.pipeline)
        return EncodedJob(
            (job.key.line, job.key.camera, job.key.trigger_id),
            job.payload,
            text,
            job.golden,
            job.remaining_ms,
            job.seed,
            job.max_rungs,
            job.traceparent,
            job.template,
            job.can_wait,
        )

    def _text(self, pipeline: Pipeline) -> str:
        known = self._texts.get(pipeline.line)
        if known is None or known[0] is not pipeline:
            known = self._texts[pipeline.line] = (pipeline, pipeline.model_dump_json())
        return known[1]


def decode_job(encoded: EncodedJob) -> Job:
    """Return the job, equal to the one that was encoded."""
    return Job(FrameKey(*encoded.key), encoded.payload, _pipeline(encoded.pipeline), *encoded[3:])


@lru_cache(maxsize=CACHED_PIPELINES)
def _pipeline(text: str) -> Pipeline:
    return Pipeline.model_validate_json(text)
