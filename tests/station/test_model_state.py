"""A model server that can't be used is an alarm once, and its return a notice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.fakes import MemoryLedger
from support.line_fakes import MemoryPublisher, ScriptedPool, judgement, pipeline

from inspector.domain.frame import FrameKey
from inspector.domain.vote import StoppedBy, Tally
from inspector.messages.topics import Topics
from inspector.ports.pool import Job, Judgement, ServerFault
from inspector.station.event_log import EventLog
from inspector.station.model_state import BACK_AFTER_S, MAX_CAUSE, POLL_S, POLL_TIMEOUT_S, ModelState

pytestmark = pytest.mark.virtual_time

JOB = Job(FrameKey("pcb", "cam1", "t-1"), b"picture", pipeline(), (), 5000.0)
REFUSED = Judgement(Tally(), 0, StoppedBy.ERROR, "http://gpu:8000/v1 refused", server_fault=ServerFault.AWAY)


class Replicas(ScriptedPool):
    """A pool that answers what it is told about its server."""

    fault: str | None = None
    hangs = False

    async def server_fault(self) -> str | None:
        if self.hangs:
            await asyncio.Event().wait()
        return self.fault


class RecordingLog(EventLog):
    """Keeps the texts of its events in order, however soon one follows another."""

    def __init__(self, ledger: MemoryLedger) -> None:
        super().__init__(ledger, MemoryPublisher(), Topics())
        self.texts: list[str] = []

    def add(self, kind: str, text: str, **details: Any) -> None:
        self.texts.append(text)
        super().add(kind, text, **details)


class Bench:
    def __init__(self) -> None:
        self.replicas, self.ledger = Replicas(), MemoryLedger()
        self.log = RecordingLog(self.ledger)
        self.state = ModelState(self.replicas, self.replicas, self.log)

    async def events(self) -> list[tuple[str, str]]:
        await self.log.flush()
        return [(event.kind, event.text) for event in self.ledger.events]


async def test_refused_parts_are_one_alarm_and_the_first_answer_after_them_one_notice() -> None:
    bench = Bench()
    bench.replicas.answer = REFUSED
    for _ in range(3):
        await bench.state.judge(JOB)
    assert bench.state.cause == REFUSED.detail
    await asyncio.sleep(BACK_AFTER_S + 10.0)
    bench.replicas.answer = judgement(0.01)
    await bench.state.judge(JOB)
    assert bench.state.cause is None
    away, back = await bench.events()
    assert away == (
        "MODEL_AWAY",
        f"{REFUSED.detail}; parts get the fail-safe until it answers; its clients need no restart",
    )
    assert back[0] == "MODEL_BACK"
    assert "after 12 s; 3 part(s)" in back[1]


async def test_a_server_that_refuses_every_other_part_does_not_come_and_go() -> None:
    bench = Bench()
    for number in range(20):
        bench.replicas.answer = REFUSED if number % 2 == 0 else judgement(0.01)
        await bench.state.judge(JOB)
        await asyncio.sleep(BACK_AFTER_S / 4)
    assert [kind for kind, _ in await bench.events()] == ["MODEL_AWAY"]


async def test_an_outage_whose_cause_changes_is_reported_again_but_not_for_every_wording() -> None:
    bench = Bench()
    for second in range(200):
        bench.replicas.fault = f"refused, request {second}" if second < 100 else "can't be reached"
        await bench.state.poll()
        await asyncio.sleep(1.0)
    assert [text.partition(";")[0] for text in bench.log.texts] == [
        "refused, request 0",
        "refused, request 60",
        "can't be reached",
    ]


async def test_without_parts_the_replicas_are_asked() -> None:
    bench = Bench()
    asking = asyncio.create_task(bench.state.run())
    bench.replicas.fault = "http://gpu:8000/v1 can't be reached"
    await asyncio.sleep(POLL_S * 1.5)
    assert bench.state.cause == bench.replicas.fault
    bench.replicas.fault = None
    await asyncio.sleep(BACK_AFTER_S + 2 * POLL_S)
    assert bench.state.cause is None
    asking.cancel()


async def test_replicas_that_say_nothing_say_nothing_about_the_server() -> None:
    bench = Bench()
    bench.replicas.hangs = True
    asking = asyncio.create_task(bench.state.run())
    await asyncio.sleep(3 * (POLL_S + POLL_TIMEOUT_S))
    assert bench.state.cause is None
    assert not asking.done()
    asking.cancel()


async def test_the_servers_words_are_bounded_and_visible() -> None:
    bench = Bench()
    bench.replicas.fault = "no\x00\n\u202e" + "x" * 10_000
    await bench.state.poll()
    assert bench.state.cause is not None
    assert len(bench.state.cause) == MAX_CAUSE
    assert bench.state.cause.isprintable()
