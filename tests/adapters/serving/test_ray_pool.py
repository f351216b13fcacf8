"""The model pool on a real Ray Serve: one hop a frame, verdict before words, death of a replica survived."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ray import serve
from support.fakes import MemoryLedger
from support.line_fakes import MemoryPublisher, ScriptedEngine, pipeline
from support.paths import TESTS

from inspector.adapters.serving.cluster import ray_cluster
from inspector.adapters.serving.deployments import ModelPlan, models
from inspector.adapters.serving.job_codec import JobEncoder, decode_job
from inspector.adapters.serving.ray_pool import RayPool
from inspector.adapters.serving.replica import VisionModel
from inspector.domain.frame import FrameKey
from inspector.domain.report import Words
from inspector.domain.vote import StoppedBy
from inspector.errors import PoolError, PoolOverload, ReplicaError
from inspector.messages.topics import Topics
from inspector.ports.pool import Job, Judgement, ShadowResult
from inspector.station.event_log import EventLog
from inspector.station.failover import Failover
from inspector.station.hedging import HedgedPool


class Troublesome(VisionModel):
    """A model replica that does what the part's trigger_id says."""

    def __init__(self, folder: Path) -> None:
        super().__init__(ScriptedEngine(), evidence=None, golden=b"golden picture")  # type: ignore[arg-type]
        self._folder = folder

    async def judge(self, job: Job) -> AsyncGenerator[Judgement | Words | ShadowResult, None]:
        wish = job.key.trigger_id
        first = not (self._folder / wish).exists()
        (self._folder / wish).touch()
        if wish == "kills-always" or (wish == "kills-once" and first):
            os.kill(os.getpid(), signal.SIGKILL)
        if wish == "freezes-once" and first:
            (self._folder / wish).write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGSTOP)
        if wish == "raises":
            raise ValueError("a bug in the judge")
        if wish == "breaks-engine":
            self._engine.broken = True  # type: ignore[attr-defined]
        if wish.startswith("slow"):
            await asyncio.sleep(1.0)
        async for outcome in super().judge(job):
            yield outcome


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pool")


@pytest.fixture(scope="module")
def handle(folder: Path) -> Iterator[Any]:
    tests = str(TESTS)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [tests, os.environ.get("PYTHONPATH")]))
    plan = ModelPlan(partial(make_troublesome, str(folder)), 2, None, 0.0, 0.0, 4)
    with ray_cluster(None, folder / "ray.log", site="pool", num_cpus=2):
        yield serve.run(models(plan), name="models", route_prefix=None)


def make_troublesome(folder: str) -> VisionModel:
    return Troublesome(Path(folder))


def job(trigger_id: str) -> Job:
    return Job(FrameKey("pcb", "cam1", trigger_id), b"picture" * 10_000, pipeline(), (), 60_000.0)


def second_try(handle: Any) -> Failover:
    return Failover(RayPool(handle), EventLog(MemoryLedger(), MemoryPublisher(), Topics()))


def test_job_is_the_same_after_its_way() -> None:
    packer, sent = JobEncoder(), job("plain")
    assert decode_job(packer.pack(sent)) == sent
    newer = replace(sent, pipeline=pipeline(question="Is there any flaw on this board?"))
    assert decode_job(packer.pack(newer)) == newer


async def test_frozen_replica_is_overtaken_by_another(handle: Any, folder: Path) -> None:
    ledger = MemoryLedger()
    events = EventLog(ledger, MemoryPublisher(), Topics())
    async with asyncio.timeout(30.0):
        result = await HedgedPool(RayPool(handle), events).judge(job("freezes-once"))
    await events.flush()
    assert result.judgement.votes
    assert [event.kind for event in ledger.events] == ["REPLICA_SILENT"]
    os.kill(int((folder / "freezes-once").read_text()), signal.SIGKILL)


async def test_judgement_comes_back_with_its_votes(handle: Any) -> None:
    judged = await RayPool(handle).judge(job("plain"))
    assert (len(judged.judgement.votes), judged.judgement.stopped_by) == (1, StoppedBy.SETTLED)
    assert await judged.words is None


async def test_shadow_follows_what_is_waited_for(handle: Any) -> None:
    shadowed = replace(job("plain"), pipeline=pipeline(settle={"shadow": 1.0}))
    judged = await RayPool(handle).judge(shadowed)
    assert len(judged.judgement.votes) == 1
    assert await judged.words is None
    shadow = await judged.shadow
    assert shadow is not None
    assert [vote.rung for vote in shadow.votes] == [0, 1, 1, 1, 1]
    plain = await RayPool(handle).judge(replace(job("plain"), pipeline=pipeline(settle={"shadow": 0.0})))
    assert await plain.shadow is None


async def test_death_of_a_replica_is_survived_by_trying_another(handle: Any) -> None:
    judged = await asyncio.wait_for(second_try(handle).judge(job("kills-once")), 60)
    assert judged.judgement.stopped_by is StoppedBy.SETTLED


async def test_replica_whose_engine_is_dead_is_replaced(handle: Any) -> None:
    """Its health is asked every few seconds with a real question."""
    pool = RayPool(handle)
    for number in range(8):  # both replicas, whichever they go to
        await pool.judge(replace(job("breaks-engine"), seed=number))
    async with asyncio.timeout(120):
        while not all([bool((await pool.judge(job(f"after-{n}"))).judgement.votes) for n in range(6)]):
            await asyncio.sleep(0.5)


async def test_exception_in_a_replica_is_an_error_with_its_reason(handle: Any) -> None:
    with pytest.raises(ReplicaError, match="a bug in the judge"):
        await RayPool(handle).judge(job("raises"))


async def test_excess_calls_fail_at_once_instead_of_queueing(handle: Any) -> None:
    pool = RayPool(handle)
    await pool.judge(job("plain"))
    result = [asyncio.create_task(pool.judge(job(f"slow-{number}"))) for number in range(40)]
    outcomes = await asyncio.wait_for(asyncio.gather(*result, return_exceptions=True), 60)
    assert any(isinstance(outcome, PoolOverload) for outcome in outcomes)
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) >= 8


async def test_frame_that_kills_every_replica_is_given_up(handle: Any) -> None:
    tries = second_try(handle)
    with pytest.raises(PoolError, match="over this picture"):
        await asyncio.wait_for(tries.judge(job("kills-always")), 90)
    with pytest.raises(PoolError, match="quarantined"):
        await tries.judge(job("plain"))
