"""Parts before a pool that can't keep up: who is asked shortly, who is refused at once, and what is told of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from support.fakes import MemoryLedger
from support.line_fakes import MemoryPublisher, judgement, pipeline
from support.virtual_time import in_virtual_time

from inspector.domain.frame import FrameKey
from inspector.errors import PoolOverload, ReplicaError
from inspector.messages.topics import Topics
from inspector.ports.ledger import Event
from inspector.ports.pool import Job, PoolResult
from inspector.station.admission import CALM_S
from inspector.station.admission_queue import Anteroom
from inspector.station.monitor import Watch


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
def watch() -> Watch:
    return Watch(MemoryLedger(), MemoryPublisher(), Topics())


def events(watch: Watch) -> list[Event]:
    assert isinstance(watch._ledger, MemoryLedger)
    return watch._ledger.events


async def kinds(watch: Watch) -> list[str]:
    await watch.flush()
    return [event.kind for event in events(watch)]


async def outcomes(anteroom: Anteroom, jobs: list[Job]) -> list[PoolResult | BaseException]:
    return await asyncio.gather(*(anteroom.judge(job) for job in jobs), return_exceptions=True)


async def test_part_goes_straight_to_a_free_pool(watch: Watch) -> None:
    pool = SlowPool()
    judged = await Anteroom(pool, watch, 2).judge(a_job("t-1", 5000.0))
    assert not judged.judgement.is_short
    assert pool.jobs[0].max_rungs is None
    assert await kinds(watch) == []


async def test_waiting_parts_are_judged_by_their_deadlines(watch: Watch) -> None:
    pool = SlowPool()
    waits = {"first": 9000.0, "relaxed": 8000.0, "urgent": 5000.0, "middling": 6000.0}
    await outcomes(Anteroom(pool, watch, 1), [a_job(name, ms) for name, ms in waits.items()])
    assert [job.key.trigger_id for job in pool.jobs] == ["first", "urgent", "middling", "relaxed"]


async def test_waiting_uses_up_the_time_that_a_replica_is_given(watch: Watch) -> None:
    pool = SlowPool(rung_s=0.05)
    await outcomes(Anteroom(pool, watch, 1), [a_job("t-1", 5000.0), a_job("t-2", 5000.0)])
    assert pool.jobs[1].remaining_ms <= pool.jobs[0].remaining_ms - 90.0


async def overload(anteroom: Anteroom, rungs: int = 2) -> list[PoolResult | BaseException]:
    """Three parts at once where two whole ladders of 0.2 s fit. How long a ladder takes is learned before."""
    await anteroom.judge(a_job("teacher", 60_000.0, rungs))
    return await outcomes(anteroom, [a_job(f"t-{number}", 260.0 * rungs, rungs) for number in range(3)])


def test_overload_asks_first_rungs_and_says_so(watch: Watch) -> None:
    pool = SlowPool(rung_s=0.1)
    found = in_virtual_time(overload(Anteroom(pool, watch, 1)))
    assert [isinstance(each, PoolResult) and each.judgement.is_short for each in found] == [False, True, True]
    assert [job.max_rungs for job in pool.jobs] == [None, None, 1, 1]
    assert asyncio.run(kinds(watch)) == ["OVERLOAD"]


def test_part_that_can_not_be_in_time_is_refused_while_others_wait(watch: Watch) -> None:
    pool = SlowPool(rung_s=0.1)
    first, second, third = in_virtual_time(overload(Anteroom(pool, watch, 1), rungs=1))
    assert isinstance(first, PoolResult)
    assert isinstance(second, PoolResult)
    assert isinstance(third, PoolOverload)
    assert len(pool.jobs) == 3


def test_end_of_an_overload_is_told_once_with_what_it_cost(watch: Watch) -> None:
    async def story() -> list[str]:
        await overload(Anteroom(SlowPool(rung_s=0.1), watch, 1))
        await asyncio.sleep(3 * CALM_S)
        return await kinds(watch)

    assert in_virtual_time(story()) == ["OVERLOAD", "OVERLOAD_OVER"]
    assert "2 part(s) had the first rung only, 0 went unjudged" in events(watch)[-1].text


async def test_cancelled_part_leaves_its_place_to_others(watch: Watch) -> None:
    pool = SlowPool(rung_s=60.0)
    anteroom = Anteroom(pool, watch, 1)
    tasks = [asyncio.create_task(anteroom.judge(a_job(f"t-{number}", 99_000.0))) for number in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    tasks[0].cancel()
    await asyncio.sleep(0.01)
    assert [job.key.trigger_id for job in pool.jobs] == ["t-0", "t-2"]
    tasks[2].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_failures_say_nothing_about_the_pace(watch: Watch) -> None:
    pool = SlowPool(rung_s=0.0, broken=True)
    anteroom = Anteroom(pool, watch, 1)
    found = await outcomes(anteroom, [a_job(f"t-{number}", 5000.0) for number in range(20)])
    assert all(isinstance(each, ReplicaError) for each in found)
    assert len(pool.jobs) == 20
