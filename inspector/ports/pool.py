"""Port of `adapters/serving`: the model replicas, one remote hop per frame."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from inspector.domain.frame import FrameKey
from inspector.domain.pipeline import Pipeline
from inspector.domain.report import Words
from inspector.domain.vote import Opinion, StoppedBy, Vote


@dataclass(frozen=True, slots=True)
class Job:
    """The input of one replica for one frame.

    `golden` holds the sha256 of the golden samples' pictures. `remaining_ms` is the time left for judging when the job
    is sent. `max_rungs` limits how many rungs may be asked (None: all).
    """

    key: FrameKey
    payload: bytes
    pipeline: Pipeline
    golden: tuple[str, ...]
    remaining_ms: float
    seed: int = 0
    max_rungs: int | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result of the ladder: votes in the order they were given, and the line's second opinion.

    `is_short`: the pool was overloaded, and only the first rung was allowed. `is_bad_image`: the picture does not show
    the product, as `detail` explains. The votes would have passed it, so they are left out.
    """

    votes: tuple[Vote, ...]
    rungs: int
    stopped_by: StoppedBy
    detail: str = ""
    model_fingerprint: str = ""
    opinion: Opinion | None = None
    is_short: bool = False
    is_bad_image: bool = False


@dataclass(frozen=True, slots=True)
class ShadowResult:
    """The votes of a part's whole ladder, asked after its judgement; empty where that could not finish."""

    votes: tuple[Vote, ...] = ()


class PoolResult(NamedTuple):
    """A judgement, and the results that follow it.

    `words` resolves to None when the part needs none, and to MISSING when the writer failed. `shadow` resolves to None
    for a part without shadow votes. Awaiting them never raises, and is optional.
    """

    judgement: Judgement
    words: Awaitable[Words | None]
    shadow: Awaitable[ShadowResult | None]


class Pool(Protocol):
    """The model replicas. One remote hop per frame."""

    async def judge(self, job: Job) -> PoolResult:
        """Judge one frame. Raises PoolOverload at once when all replicas are full, else PoolError when none could."""
