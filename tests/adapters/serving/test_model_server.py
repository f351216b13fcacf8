"""Clients of a model server on a real Ray Serve live while the server misbehaves, and parts hear of it at once."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from ray import serve
from support.chat_server import RESET, YES, Canned, ChatServer, chat_server, refusal
from support.fakes import MemoryEvidence, MemoryLedger
from support.line_fakes import MemoryPublisher, pipeline
from support.paths import TESTS
from support.served import PICTURE, card

from inspector.adapters.serving.cluster import ray_cluster
from inspector.adapters.serving.deployments import ModelPlan, models
from inspector.adapters.serving.ray_pool import RayPool
from inspector.adapters.serving.replica import VisionModel
from inspector.adapters.vlm import load
from inspector.domain.frame import FrameKey
from inspector.messages.topics import Topics
from inspector.ports.pool import Job, Judgement, ServerFault
from inspector.station.event_log import EventLog
from inspector.station.model_state import ModelState

HEALTH_CHECKS = 4  # more in a row than Serve forgives a replica
DEADLINE_MS = 3_000.0


class MisbehavingServer:
    """A chat server in a thread of its own. `answer` is what every question gets; None keeps it waiting."""

    def __init__(self) -> None:
        self.answer: Canned | None = YES
        self.server: ChatServer | None = None

    @contextmanager
    def running(self) -> Iterator[str]:
        started, stop = threading.Event(), asyncio.Event()
        loop = asyncio.new_event_loop()

        async def serve_until_stopped() -> None:
            async with chat_server(lambda _: self.answer) as self.server:
                started.set()
                await stop.wait()

        thread = threading.Thread(target=loop.run_until_complete, args=(serve_until_stopped(),))
        thread.start()
        started.wait()
        assert self.server is not None
        yield self.server.url
        loop.call_soon_threadsafe(stop.set)
        thread.join()


class CountedClient(VisionModel):
    """A client that writes down its process and every health check of Serve."""

    folder: Path

    async def check_health(self) -> None:
        await super().check_health()
        with (self.folder / str(os.getpid())).open("a") as checks:
            checks.write("checked\n")


def open_client(url: str, folder: str) -> VisionModel:
    engine = load(card(url, retries=1, connect_timeout_s=1.0), Path())
    client = CountedClient(engine, MemoryEvidence(), PICTURE.data, is_client=True)
    client.folder = Path(folder)
    return client


def health_checks(clients: Path) -> int:
    """The health checks of the only process that ever was a client."""
    [client] = clients.iterdir()
    return len(client.read_text().splitlines())


async def judged(model: ModelState) -> Judgement:
    job = Job(FrameKey("pcb", "cam1", "t-1"), PICTURE.data, pipeline(), (), DEADLINE_MS)
    async with asyncio.timeout(60):
        result = await model.judge(job)
    await result.words
    return result.judgement


async def test_clients_outlive_their_server_and_parts_do_not_wait_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = MisbehavingServer()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")])))
    clients, ledger = tmp_path / "clients", MemoryLedger()
    clients.mkdir()
    events = EventLog(ledger, MemoryPublisher(), Topics())
    with server.running() as url, ray_cluster(None, tmp_path / "ray.log", site="away", num_cpus=2):
        plan = ModelPlan(partial(open_client, url, str(clients)), 1, None, 0.0, 0.0, 4)
        pool = RayPool(await asyncio.to_thread(serve.run, models(plan), name="models", route_prefix=None))
        model = ModelState(pool, pool, events)
        assert (await judged(model)).votes
        for answer, fault in (
            (refusal(429, "slow down"), ServerFault.BUSY),
            (refusal(500, "CUDA error"), ServerFault.AWAY),
            (Canned(status=RESET), ServerFault.AWAY),
            (None, ServerFault.AWAY),
        ):
            server.answer = answer
            while await pool.server_fault() is None:
                await asyncio.sleep(0.1)
            spoiled = await judged(model)
            assert (spoiled.server_fault, spoiled.votes) == (fault, ())
            assert spoiled.detail
            if fault is ServerFault.BUSY:
                enough = health_checks(clients) + HEALTH_CHECKS
                while health_checks(clients) < enough:
                    await asyncio.sleep(0.1)
            server.answer = YES
            while await pool.server_fault() is not None:
                await asyncio.sleep(0.1)
            assert (await judged(model)).votes
        assert health_checks(clients) > HEALTH_CHECKS  # of one process: none was replaced
        await events.flush()
    assert ledger.events[0].kind == "MODEL_AWAY"
