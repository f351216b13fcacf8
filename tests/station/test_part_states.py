"""What becomes of a part is told in order, once, and never at the cost of the line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from support.fakes import MemoryEvidence, MemoryLedger, live_version
from support.line_fakes import (
    MemoryAnswerJournal,
    MemoryPictureReader,
    MemoryPublisher,
    ScriptedPool,
    at_work,
    frame,
    pipeline,
)

from inspector.domain.declared import Disposition
from inspector.domain.part import PartState
from inspector.domain.reconciliation import Ack
from inspector.errors import PoolOverload
from inspector.messages.outgoing import PartStateMessage
from inspector.messages.topics import Topics
from inspector.ports.pool import Job
from inspector.station.camera_monitor import CameraMonitor
from inspector.station.claim_fetcher import ClaimFetcher
from inspector.station.early_answers import EarlyAnswers
from inspector.station.event_log import EventLog
from inspector.station.examiner import Examiner
from inspector.station.gate_feedback import GateFeedback
from inspector.station.judging_counter import JudgingCounter
from inspector.station.known_parts import KnownParts
from inspector.station.ledger_state import LedgerState
from inspector.station.outbox import Outbox
from inspector.station.part_states import StateChange, published, received
from inspector.station.recorder import Recorder
from inspector.station.safe_mode import SafeMode
from inspector.station.state_publisher import MAX_QUEUED_CHANGES, StatePublisher
from inspector.station.station import Station
from inspector.station.time_reserve import TimeReserve
from inspector.utc import utc_now

TOPICS = Topics("plant/v1")


class Line:
    """A station that tells what becomes of its parts into `told`."""

    def __init__(self) -> None:
        self.told: list[StateChange] = []
        self.ledger, self.publisher = MemoryLedger(), MemoryPublisher()
        notify = self.told.append
        self.outbox = Outbox(self.ledger, self.publisher, notify=lambda verdict: notify(published(verdict)))
        self.events = EventLog(self.ledger, self.publisher, TOPICS)
        self.cameras = CameraMonitor(self.ledger, self.events, notify=notify)
        self.gate = GateFeedback(self.ledger, self.events, notify=notify)
        pictures, pool = MemoryPictureReader(), JudgingCounter(ScriptedPool(), notify)
        claims = ClaimFetcher(pictures, self.events)
        examiner = Examiner(pictures, pool, MemoryEvidence(), TimeReserve(60.0), claims)
        state = LedgerState(self.events)
        early = EarlyAnswers(MemoryAnswerJournal(), self.events)
        recorder = Recorder(self.ledger, self.outbox, self.events, TOPICS, state, early, notify=notify)
        safe_mode = SafeMode(examiner, recorder, state, self.events)
        self.station = Station(
            examiner,
            recorder,
            safe_mode,
            KnownParts(self.ledger, self.outbox, self.events, self.cameras),
            self.events,
            self.cameras,
            self.gate,
            notify=notify,
        )
        self.station.follow([live_version(pipeline(), 1, ())])

    @property
    def states(self) -> list[PartState]:
        return [change.state for change in self.told]


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    line = Line()
    async with at_work(line.station, line.outbox):
        yield line


async def test_part_goes_through_its_states_in_order(line: Line) -> None:
    await line.station.inspect(frame(seq=7))
    await line.outbox.flush(5)
    await line.station.on_ack(Ack(frame().key, Disposition.PASS, utc_now()))
    assert line.states == [
        PartState.RECEIVED, PartState.JUDGING, PartState.DECIDED, PartState.PUBLISHED, PartState.ACKNOWLEDGED,
    ]  # fmt: skip
    assert {change.trigger_id for change in line.told} == {"t-1"}
    assert len({change.result_id for change in line.told[2:4]}) == 1
    assert line.told[2].result_id


async def test_redelivered_part_is_not_told_of_again(line: Line) -> None:
    await line.station.inspect(frame())
    await line.outbox.flush(5)
    line.told.clear()
    await line.station.inspect(frame(redelivered=True))
    assert line.states == []


async def test_stranger_is_not_told_of(line: Line) -> None:
    line.station.follow([live_version(pipeline(cameras=["cam9"]), 1, ())])
    await line.station.inspect(frame())
    assert line.states == []


async def test_part_is_decided_only_once_it_is_stored(line: Line) -> None:
    line.ledger.away = True
    inspecting = asyncio.create_task(line.station.inspect(frame()))
    await asyncio.sleep(0.2)
    assert PartState.DECIDED not in line.states
    line.ledger.away = False
    await inspecting
    assert line.states.count(PartState.DECIDED) == 1


async def test_lost_numbers_are_told_together(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.domain.sequence.LOST_AFTER_S", -1.0)
    for seq in (1, 5):
        line.cameras.run_of(replace(frame(), seq=seq))
    await line.cameras.flush()
    [change] = line.told
    assert (change.state, change.seq, change.last_seq, change.trigger_id) == (PartState.LOST, 2, 4, None)


async def test_acknowledgement_of_a_part_that_nobody_decided_is_no_change(line: Line) -> None:
    await line.station.on_ack(Ack(frame().key, Disposition.PASS, utc_now()))
    assert line.states == []


# ---------------------------------------------------------------------- publishing it


def change(number: int) -> StateChange:
    return received(frame(f"t-{number}"))


async def announced(publisher: MemoryPublisher, *numbers: int) -> StatePublisher:
    states = StatePublisher(publisher, TOPICS)
    for number in numbers:
        states.notify(change(number))
    speaking = asyncio.create_task(states.run())
    await asyncio.sleep(0.05)
    speaking.cancel()
    await asyncio.gather(speaking, return_exceptions=True)
    return states


async def test_changes_are_published_in_order_on_the_parts_topic() -> None:
    publisher = MemoryPublisher()
    await announced(publisher, *range(200))
    assert {topic for topic, _ in publisher.announced} == {"plant/v1/pcb/cam1/part"}
    messages = [PartStateMessage.model_validate_json(payload) for _, payload in publisher.announced]
    assert [message.trigger_id for message in messages] == [f"t-{number}" for number in range(200)]
    assert json.loads(publisher.announced[0][1])["schema"] == "inspector.part/1"


async def test_while_the_broker_is_away_changes_are_let_go_and_the_voice_stays() -> None:
    publisher = MemoryPublisher()
    publisher.away = True
    states = await announced(publisher, 1, 2)
    publisher.away = False
    states.notify(change(3))
    speaking = asyncio.create_task(states.run())
    await asyncio.sleep(0.05)
    speaking.cancel()
    assert [json.loads(payload)["trigger_id"] for _, payload in publisher.announced] == ["t-3"]


async def test_memory_does_not_grow_with_what_waits() -> None:
    states = StatePublisher(MemoryPublisher(), TOPICS)
    for _ in range(MAX_QUEUED_CHANGES + 10):
        states.notify(change(1))
    assert len(states._queue) == MAX_QUEUED_CHANGES


async def test_pool_counts_what_is_with_it_also_when_it_refuses() -> None:
    scripted = ScriptedPool(answer=PoolOverload("all replicas are busy"), delay_s=0.05)
    pool = JudgingCounter(scripted)
    job = Job(frame().key, b"picture", pipeline(), (), 1000.0)
    result = [asyncio.create_task(pool.judge(job)) for _ in range(3)]
    await asyncio.sleep(0)
    assert pool.judging == 3
    await asyncio.gather(*result, return_exceptions=True)
    assert pool.judging == 0
