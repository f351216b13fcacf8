"""Port of `adapters/serving`: the model replicas, one remote hop per frame."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from inspector.domain.cameras import Region
from inspector.domain.frame import FrameKey
from inspector.domain.pipeline import Pipeline
from inspector.domain.report import Words
from inspector.domain.templates import NO_TEMPLATE
from inspector.domain.vote import Opinion, StoppedBy, Tally, Vote
from inspector.ports.engine import Picture

SILENCE_SHARE: Final = 0.25  # of the time left
MIN_SILENCE_S: Final = 0.5  # a busy machine is silent for shorter times
MAX_SILENCE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Job:
    """The input of one replica for one frame.

    `golden` holds the sha256 of the golden samples' pictures. `remaining_ms` is the time left for judging when the job
    is sent. `max_rungs` limits how many rungs may be asked (None: all). `template` is the sha256 of
    the golden sample that the frame names. `can_wait`: no gate waits for it, so its replica judges frames of lines
    first, and writes no words about it.
    """

    key: FrameKey
    payload: bytes
    pipeline: Pipeline
    golden: tuple[str, ...]
    remaining_ms: float
    seed: int = 0
    max_rungs: int | None = None
    traceparent: str | None = None
    template: str = NO_TEMPLATE
    can_wait: bool = False

    @property
    def silence_s(self) -> float:
        """How long a replica may give no sign that it has the job, until another one is asked."""
        return min(MAX_SILENCE_S, max(MIN_SILENCE_S, SILENCE_SHARE * self.remaining_ms / 1000.0))

    @property
    def region(self) -> Region | None:
        """The region of the picture that is judged."""
        return self.pipeline.region(self.key.camera)

    @property
    def picture(self) -> Picture:
        """The frame as the line declares its pictures."""
        return Picture(self.payload, bit_depth=self.pipeline.picture.bit_depth, region=self.region)


class ServerFault(StrEnum):
    """Why the model's server did not answer about a part. AWAY: nobody is answered. BUSY: it refuses some requests."""

    AWAY = "AWAY"
    BUSY = "BUSY"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The outcome of the ladder: the votes in order and how the line counts them (`tally`).

    `fingerprint` covers everything that changes scores: line settings, model and golden samples. `is_short`: in an
    overload, at most the first rung was asked. `is_bad_image`: the votes would pass a picture that does not show the
    product, as `detail` says; they are left out. `server_fault`: the model runs on a server that can't be used, as
    `detail` says. `judged_ms` is how long a part that could wait was judged, without its waits.
    """

    tally: Tally
    rungs: int
    stopped_by: StoppedBy
    detail: str = ""
    fingerprint: str = ""
    model_fingerprint: str = ""
    is_short: bool = False
    is_bad_image: bool = False
    server_fault: ServerFault | None = None
    judged_ms: float | None = None

    @property
    def votes(self) -> tuple[Vote, ...]:
        return self.tally.votes

    @property
    def opinion(self) -> Opinion | None:
        """The second opinion, where the line has one."""
        return self.tally.counting.opinion


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


class ModelStatus(Protocol):
    """What the model replicas know about the server that runs their model."""

    async def server_fault(self) -> str | None:
        """Return why that server can't be used now; None where it can, where there is none, or where nobody knows."""


SignListener = Callable[[], None]


def ignore_sign() -> None:
    """Take a sign of life that nobody waits for."""


class ReplicaPool(Protocol):
    """The model replicas, each job given to one of them."""

    async def judge(self, job: Job, on_sign: SignListener = ignore_sign) -> PoolResult:
        """Ask one replica, once. `on_sign` is called while its process is alive and judges. Raises as Pool does."""


class Pool(Protocol):
    """The model replicas. One remote hop per frame."""

    async def judge(self, job: Job) -> PoolResult:
        """Judge one frame. Raises PoolOverload at once when all replicas are full, else PoolError when none could."""
