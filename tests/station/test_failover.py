"""A replica that dies costs a part some time, not its verdict; a picture that replicas die of is put away."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from support.fakes import MemoryLedger
from support.line_fakes import MemoryPublisher, ScriptedPool, pipeline

from inspector.domain.frame import FrameKey
from inspector.errors import PoolError, PoolOverload, ReplicaError
from inspector.messages.topics import Topics
from inspector.ports.pool import Job, PoolResult
from inspector.station.event_log import EventLog
from inspector.station.failover import Failover

pytestmark = pytest.mark.virtual_time

DEAD = ReplicaError("a model replica died while judging")


@dataclass
class DyingPool:
    """Fails as `fates` say, in this order; None judges. Takes `delay_s` for each."""

    fates: Sequence[Exception | None]
    delay_s: float = 0.0
    jobs: list[Job] = field(default_factory=list)

    async def judge(self, job: Job) -> PoolResult:
        self.jobs.append(job)
        await asyncio.sleep(self.delay_s)
        fate = self.fates[min(len(self.jobs), len(self.fates)) - 1]
        if fate is not None:
            raise fate
        return await ScriptedPool().judge(job)


@dataclass
class Bench:
    """A pool with a second try, and what was told of it."""

    fates: Sequence[Exception | None]
    delay_s: float = 0.0

    def __post_init__(self) -> None:
        self.pool = DyingPool(self.fates, self.delay_s)
        self.ledger = MemoryLedger()
        self.event_log = EventLog(self.ledger, MemoryPublisher(), Topics())
        self.tries = Failover(self.pool, self.event_log)

    async def judge(self, picture: bytes = b"picture", remaining_ms: float = 5000.0) -> PoolResult:
        return await self.tries.judge(Job(FrameKey("pcb", "cam1", "t-1"), picture, pipeline(), (), remaining_ms))

    async def events(self) -> list[str]:
        await self.event_log.flush()
        return [event.kind for event in self.ledger.events]


async def test_job_whose_replica_died_is_judged_by_another_with_the_time_that_is_left() -> None:
    bench = Bench([DEAD, None], delay_s=0.05)
    assert (await bench.judge()).judgement.votes
    first, second = bench.pool.jobs
    assert second.remaining_ms <= first.remaining_ms - 50.0
    assert await bench.events() == ["REPLICA_FAILED"]


async def test_second_try_ends_with_the_time_of_the_part() -> None:
    bench = Bench([DEAD, None], delay_s=0.1)
    with pytest.raises(PoolError, match="no other"):
        await bench.judge(remaining_ms=150.0)


async def test_picture_that_failed_two_replicas_is_quarantined_and_told_by_its_hash() -> None:
    bench = Bench([DEAD])
    with pytest.raises(PoolError, match="over this picture"):
        await bench.judge(b"poison")
    assert sorted(await bench.events()) == ["POISON_FRAME", "REPLICA_FAILED"]
    [told] = [event.text for event in bench.ledger.events if event.kind == "POISON_FRAME"]
    assert hashlib.sha256(b"poison").hexdigest() in told


async def test_quarantined_picture_is_refused_at_once_and_others_are_judged() -> None:
    bench = Bench([DEAD, DEAD, None])
    with pytest.raises(PoolError):
        await bench.judge(b"poison")
    with pytest.raises(PoolError, match="quarantined"):
        await bench.judge(b"poison")
    assert len(bench.pool.jobs) == 2
    assert (await bench.judge(b"picture")).judgement.votes


async def test_picture_that_was_in_hand_at_deaths_it_did_not_cause_is_judged_on() -> None:
    bench = Bench([DEAD, None] * 10)
    for _ in range(10):
        assert (await bench.judge()).judgement.votes
    assert "POISON_FRAME" not in await bench.events()


async def test_overload_is_not_tried_again() -> None:
    bench = Bench([PoolOverload("full")])
    with pytest.raises(PoolOverload):
        await bench.judge()
    assert len(bench.pool.jobs) == 1
