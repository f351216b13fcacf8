"""A silent replica costs a part a quarter of its time, not its verdict; the first answer wins."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from support.fakes import MemoryLedger
from support.line_fakes import MemoryPublisher, ScriptedPool, pipeline

from inspector.domain.frame import FrameKey
from inspector.errors import PoolOverload, ReplicaError
from inspector.messages.topics import Topics
from inspector.ports.pool import Job, PoolResult, SignListener, ignore_sign
from inspector.station.event_log import EventLog
from inspector.station.hedging import MAX_TRIES, HedgedPool

pytestmark = pytest.mark.virtual_time

DEAD = ReplicaError("a model replica died while judging")


@dataclass(frozen=True)
class Fate:
    """What one try comes to: an answer after `answers_s` (None: never), a sign every `sign_s` (None: none)."""

    answers_s: float | None = 0.02
    sign_s: float | None = None
    error: Exception | None = None


@dataclass
class ReplicasOfFate:
    """Replicas that do as `fates` say, in this order."""

    fates: Sequence[Fate]
    jobs: list[Job] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)

    async def judge(self, job: Job, on_sign: SignListener = ignore_sign) -> PoolResult:
        self.jobs.append(job)
        number = len(self.jobs) - 1
        fate = self.fates[min(number, len(self.fates) - 1)]
        signs = asyncio.create_task(_signs(fate.sign_s, on_sign))
        try:
            await asyncio.sleep(1e9 if fate.answers_s is None else fate.answers_s)
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        finally:
            signs.cancel()
        if fate.error is not None:
            raise fate.error
        return await ScriptedPool().judge(job)


async def _signs(every_s: float | None, on_sign: SignListener) -> None:
    while every_s is not None:
        await asyncio.sleep(every_s)
        on_sign()


@dataclass
class HedgeBench:
    """Replicas, and what the hedge did about them."""

    fates: Sequence[Fate]

    def __post_init__(self) -> None:
        self.replicas = ReplicasOfFate(self.fates)
        self.ledger = MemoryLedger()
        self.events = EventLog(self.ledger, MemoryPublisher(), Topics())
        self.pool = HedgedPool(self.replicas, self.events)

    async def judge(self, remaining_ms: float = 4000.0) -> float:
        """Judge a part; return the seconds that it took."""
        began = asyncio.get_running_loop().time()
        await self.pool.judge(Job(FrameKey("pcb", "cam1", "t-1"), b"picture", pipeline(), (), remaining_ms))
        await asyncio.sleep(0)
        return asyncio.get_running_loop().time() - began

    async def kinds(self) -> list[str]:
        await self.events.flush()
        return [event.kind for event in self.ledger.events]


async def test_quick_answer_asks_one_replica() -> None:
    bench = HedgeBench([Fate()])
    assert await bench.judge() == pytest.approx(0.02)
    assert (len(bench.replicas.jobs), await bench.kinds()) == (1, [])


async def test_silent_replica_is_overtaken_after_a_quarter_of_the_time() -> None:
    bench = HedgeBench([Fate(None), Fate(0.1)])
    assert await bench.judge() == pytest.approx(1.1)
    assert bench.replicas.cancelled == [0]
    assert bench.replicas.jobs[1].remaining_ms == pytest.approx(0.9 * 3000.0)
    assert await bench.kinds() == ["REPLICA_SILENT"]


async def test_replica_that_gives_signs_may_take_all_its_time() -> None:
    bench = HedgeBench([Fate(3.5, sign_s=0.15)])
    assert await bench.judge() == pytest.approx(3.5)
    assert len(bench.replicas.jobs) == 1


async def test_replica_that_falls_silent_later_is_overtaken_too() -> None:
    bench = HedgeBench([Fate(None, sign_s=None), Fate(None, sign_s=None), Fate(0.05)])
    assert await bench.judge() == pytest.approx(2.05)
    assert bench.replicas.cancelled == [0, 1]


async def test_late_answer_of_the_first_replica_counts_if_it_comes_first() -> None:
    bench = HedgeBench([Fate(1.2), Fate(None)])
    assert await bench.judge() == pytest.approx(1.2)
    assert bench.replicas.cancelled == [1]


async def test_error_of_one_try_is_not_the_parts_while_another_runs() -> None:
    bench = HedgeBench([Fate(1.5), Fate(0.01, error=PoolOverload("full"))])
    assert await bench.judge() == pytest.approx(1.5)


async def test_error_of_the_only_try_is_raised_at_once() -> None:
    bench = HedgeBench([Fate(0.01, error=DEAD)])
    with pytest.raises(ReplicaError):
        await bench.judge()
    assert len(bench.replicas.jobs) == 1


async def test_tries_are_bounded_and_a_cancelled_part_ends_them_all() -> None:
    bench = HedgeBench([Fate(None)])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60.0):
            await bench.judge(remaining_ms=60_000.0)
    await asyncio.sleep(0)
    assert len(bench.replicas.jobs) == MAX_TRIES
    assert sorted(bench.replicas.cancelled) == list(range(MAX_TRIES))
