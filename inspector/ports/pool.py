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
    """What one replica needs to judge one frame. `golden` are the golden samples' pictures' sha256;
    `remaining_ms` is what is left for judging when the job is sent; `max_rungs` how far up the ladder it may go (None:
    to its end)."""

    key: FrameKey
    payload: bytes
    pipeline: Pipeline
    golden: tuple[str, ...]
    remaining_ms: float
    seed: int = 0
    max_rungs: int | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the ladder found: votes in the order they were given, and the second opinion where the line wants one.
    `is_short`: the pool was overloaded, and no rung but the first might be asked. `is_bad_image`: the votes would
    pass what does not show the product, as `detail` says, and are left out."""

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
    """The votes of a part's whole ladder, asked after its judgement; none where that could not be finished."""

    votes: tuple[Vote, ...] = ()


class PoolResult(NamedTuple):
    """A judgement, and what follows it. `words` are None when the part needs none, MISSING when the writer failed;
    `shadow` is None for a part that is none. Awaiting them never raises, and they need not be awaited."""

    judgement: Judgement
    words: Awaitable[Words | None]
    shadow: Awaitable[ShadowResult | None]


class Pool(Protocol):
    """The model replicas. One remote hop per frame."""

    async def judge(self, job: Job) -> PoolResult:
        """Raises PoolOverload at once when all replicas are full, PoolError when none could judge it."""
