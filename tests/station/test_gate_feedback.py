"""What gate and PLC say is kept, and a person hears when it differs from what the ledger holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from support.fakes import NOON, REJECTED, MemoryLedger, a_part, a_verdict
from support.line_fakes import MemoryPublisher

from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey
from inspector.domain.part import PartRecord, PartState
from inspector.domain.reconciliation import Ack, TriggerCount
from inspector.messages.topics import Topics
from inspector.ports.ledger import Event
from inspector.station import gate_feedback as gate_module
from inspector.station.event_log import EventLog
from inspector.station.gate_feedback import GateFeedback


@dataclass
class Bench:
    """Gate feedback with a ledger and an event log."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)

    def __post_init__(self) -> None:
        self.event_log = EventLog(self.ledger, MemoryPublisher(), Topics())
        self.gate = GateFeedback(self.ledger, self.event_log)

    async def decide(self, part: PartRecord, ack_within_ms: float | None = None) -> None:
        await self.ledger.record(part, [a_verdict(part)._replace(ack_within_ms=ack_within_ms)])
        await self.ledger.confirm([part.result_id])

    async def events(self) -> list[Event]:
        await self.event_log.flush()
        return self.ledger.events


def ack(part: PartRecord, disposition: Disposition = Disposition.PASS) -> Ack:
    return Ack(part.key, disposition, NOON)


def counted(triggers: int) -> TriggerCount:
    return TriggerCount("pcb", "cam1", triggers, NOON, NOON + timedelta(hours=1), NOON)


async def test_acknowledged_part_is_known_as_such_and_nobody_is_bothered() -> None:
    bench, part = Bench(), a_part()
    await bench.decide(part, ack_within_ms=1.0)
    await bench.gate.on_ack(ack(part))
    await bench.gate.check()
    row = bench.ledger.part(part.result_id)
    assert row is not None
    assert row.part.state is PartState.ACKNOWLEDGED
    assert await bench.events() == []


async def test_gate_that_did_something_else_raises_an_alarm() -> None:
    bench, part = Bench(), a_part(decision=REJECTED)
    await bench.decide(part)
    await bench.gate.on_ack(ack(part, Disposition.PASS))
    [event] = await bench.events()
    assert (event.kind, event.severity, event.camera) == ("GATE_DIFFERS", "ALARM", "cam1")
    assert "the verdict was REJECT, the gate reports PASS" in event.text


async def test_silent_gate_raises_one_alarm_for_each_line() -> None:
    bench = Bench()
    for number, line in enumerate(["pcb", "casting", "pcb"]):
        await bench.decide(a_part(f"t-{number}", line=line), ack_within_ms=0.001)
    await asyncio.sleep(0.01)
    await bench.gate.check()
    await bench.gate.check()
    events = {event.line: event for event in await bench.events()}
    assert {event.kind for event in events.values()} == {"ACK_MISSING"}
    assert events["pcb"].text.startswith("2 verdict(s) not acknowledged")
    assert "casting/cam1/t-1" in events["casting"].text
    assert len(bench.ledger.events) == 2, "each is told once"


async def test_gate_that_need_not_acknowledge_may_be_silent() -> None:
    bench = Bench()
    await bench.decide(a_part())
    await bench.gate.check()
    assert await bench.events() == []


async def test_acknowledgement_that_comes_before_its_part_is_stored_is_not_forgotten() -> None:
    """While the ledger is away the verdict goes out first."""
    bench, part = Bench(), a_part()
    await bench.gate.on_ack(ack(part))
    await bench.decide(part)
    await bench.gate.check()
    row = bench.ledger.part(part.result_id)
    assert row is not None
    assert row.part.state is PartState.ACKNOWLEDGED
    assert await bench.events() == []


async def test_acknowledgement_of_an_unknown_part_is_told_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "EARLY_ACK_TIMEOUT_S", 0.0)
    bench = Bench()
    await bench.gate.on_ack(Ack(FrameKey("pcb", "cam1", "nobody"), Disposition.PASS, NOON))
    await bench.gate.check()
    await bench.gate.check()
    [event] = await bench.events()
    assert event.kind == "ACK_UNKNOWN"
    assert "pcb/cam1/nobody" in event.text


async def test_messages_wait_while_the_ledger_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "LEDGER_RETRY_S", 0.001)
    bench, part = Bench(), a_part()
    await bench.decide(part)
    bench.ledger.away = True
    waiting = [
        asyncio.create_task(bench.gate.on_ack(ack(part))),
        asyncio.create_task(bench.gate.on_count(counted(1))),
    ]
    await asyncio.sleep(0.02)
    assert not any(task.done() for task in waiting)
    bench.ledger.away = False
    await asyncio.gather(*waiting)
    assert list(bench.ledger.acks) == [part.result_id]
    assert list(bench.ledger.counts) == [counted(1)]


async def test_count_that_agrees_is_compared_in_silence() -> None:
    bench = Bench()
    await bench.decide(a_part(captured_at=NOON + timedelta(minutes=1)))
    await bench.gate.on_count(counted(1))
    await bench.gate.check()
    [comparison] = bench.ledger.counts.values()
    assert comparison is not None
    assert comparison.difference == 0
    assert await bench.events() == []


async def test_count_that_differs_raises_one_alarm() -> None:
    bench = Bench()
    await bench.decide(a_part(captured_at=NOON))
    await bench.gate.on_count(counted(3))
    await bench.gate.check()
    await bench.gate.check()
    [event] = await bench.events()
    assert (event.kind, event.severity) == ("COUNT_DIFFERS", "ALARM")
    assert "the PLC counted 3 trigger(s)" in event.text
    assert "1 decided and 0 lost" in event.text


async def test_count_is_not_compared_before_its_frames_could_arrive() -> None:
    bench = Bench()
    fresh = replace(counted(3), at=NOON + timedelta(days=40_000))
    await bench.gate.on_count(fresh)
    await bench.gate.check()
    assert bench.ledger.counts == {fresh: None}


async def test_gate_of_another_station_is_not_looked_after() -> None:
    bench = Bench()
    bench.gate.lines = ["casting"]
    await bench.decide(a_part(), ack_within_ms=0.001)
    await bench.gate.on_count(counted(3))
    await asyncio.sleep(0.01)
    await bench.gate.check()
    assert await bench.events() == []
