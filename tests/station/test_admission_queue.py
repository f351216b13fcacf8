"""Parts before a pool that can't keep up: who is asked shortly, who is refused at once, and what is told of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from support.fakes import MemoryLedger
from support.line_fakes import MemoryPublisher, judgement, pipeline

from inspector.domain.frame import FrameKey
from inspector.errors import PoolOverload, ReplicaError
from inspector.messages.topics import Topics
from inspector.ports.ledger import Event
from inspector.ports.pool import Job, PoolResult
from inspector.station.admission import OVERLOAD_OVER_S
from inspector.station.admission_queue import AdmissionQueue
from inspector.station.event_log import EventLog

pytestmark = pytest.mark.virtual_time


@dataclass
class SlowPool:
    """Judges one part after another, `rung_s` for each rung; fails where `broken`."""

    rung_s: float = 0.02
    broken: bool = False
    jobs: list[Job] = field(default_factory=list)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def judge(self, job: Job) -> PoolResult:
        self.jobs.append(job)
        async with self.turn:
            await asyncio.sleep(self.rung_s * (job.max_rungs or len(job.pipeline.ladder)))
        if self.broken:
            raise ReplicaError("the replica died")
        return PoolResult(judgement(0.01), nothing(), nothing())


def nothing() -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


def a_job(name: str, remaining_ms: float, rungs: int = 2) -> Job:
    ladder = [{"views": ["direct"]}, {"views": ["paraphrase"]}, {"views": ["inverted"]}][:rungs]
    return Job(FrameKey("pcb", "cam1", name), b"picture", pipeline(ladder=ladder), (), remaining_ms)


@pytest.fixture
def events() -> EventLog:
    return EventLog(MemoryLedger(), MemoryPublisher(), Topics())


def stored(events: EventLog) -> list[Event]:
    assert isinstance(events._ledger, MemoryLedger)
    return events._ledger.events


async def kinds(events: EventLog) -> list[str]:
    await events.flush()
    return [event.kind for event in stored(events)]


async def outcomes(queue: AdmissionQueue, jobs: list[Job]) -> list[PoolResult | BaseException]:
    return await asyncio.gather(*(queue.judge(job) for job in jobs), return_exceptions=True)


async def test_part_goes_straight_to_a_free_pool(events: EventLog) -> None:
    pool = SlowPool()
    judged = await AdmissionQueue(pool, events, 2).judge(a_job("t-1", 5000.0))
    assert not judged.judgement.is_short
    assert pool.jobs[0].max_rungs is None
    assert await kinds(events) == []


async def test_waiting_parts_are_judged_by_their_deadlines(events: EventLog) -> None:
    pool = SlowPool()
    waits = {"first": 9000.0, "relaxed": 8000.0, "urgent": 5000.0, "middling": 6000.0}
    await outcomes(AdmissionQueue(pool, events, 1), [a_job(name, ms) for name, ms in waits.items()])
    assert [job.key.trigger_id for job in pool.jobs] == ["first", "urgent", "middling", "relaxed"]


async def test_waiting_uses_up_the_time_that_a_replica_is_given(events: EventLog) -> None:
    pool = SlowPool(rung_s=0.05)
    await outcomes(AdmissionQueue(pool, events, 1), [a_job("t-1", 5000.0), a_job("t-2", 5000.0)])
    assert pool.jobs[1].remaining_ms <= pool.jobs[0].remaining_ms - 90.0


async def overload(queue: AdmissionQueue, rungs: int = 2) -> list[PoolResult | BaseException]:
    """Three parts at once where two whole ladders of 0.2 s fit. How long a ladder takes is learned before."""
    await queue.judge(a_job("teacher", 60_000.0, rungs))
    return await outcomes(queue, [a_job(f"t-{number}", 260.0 * rungs, rungs) for number in range(3)])


async def test_overload_asks_first_rungs_and_says_so(events: EventLog) -> None:
    pool = SlowPool(rung_s=0.1)
    found = await overload(AdmissionQueue(pool, events, 1))
    assert [isinstance(each, PoolResult) and each.judgement.is_short for each in found] == [False, True, True]
    assert [job.max_rungs for job in pool.jobs] == [None, None, 1, 1]
    assert await kinds(events) == ["OVERLOAD"]


async def test_part_that_can_not_be_in_time_is_refused_while_others_wait(events: EventLog) -> None:
    pool = SlowPool(rung_s=0.1)
    first, second, third = await overload(AdmissionQueue(pool, events, 1), rungs=1)
    assert isinstance(first, PoolResult)
    assert isinstance(second, PoolResult)
    assert isinstance(third, PoolOverload)
    assert len(pool.jobs) == 3


async def test_end_of_an_overload_is_told_once_with_what_it_cost(events: EventLog) -> None:
    await overload(AdmissionQueue(SlowPool(rung_s=0.1), events, 1))
    await asyncio.sleep(3 * OVERLOAD_OVER_S)
    assert await kinds(events) == ["OVERLOAD", "OVERLOAD_OVER"]
    assert "2 part(s) had the first rung only, 0 were not judged" in stored(events)[-1].text


async def test_cancelled_part_leaves_its_place_to_others(events: EventLog) -> None:
    pool = SlowPool(rung_s=60.0)
    queue = AdmissionQueue(pool, events, 1)
    tasks = [asyncio.create_task(queue.judge(a_job(f"t-{number}", 99_000.0))) for number in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    tasks[0].cancel()
    await asyncio.sleep(0.01)
    assert [job.key.trigger_id for job in pool.jobs] == ["t-0", "t-2"]
    tasks[2].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_failures_say_nothing_about_the_pace(events: EventLog) -> None:
    pool = SlowPool(rung_s=0.0, broken=True)
    queue = AdmissionQueue(pool, events, 1)
    found = await outcomes(queue, [a_job(f"t-{number}", 5000.0) for number in range(20)])
    assert all(isinstance(each, ReplicaError) for each in found)
    assert len(pool.jobs) == 20
