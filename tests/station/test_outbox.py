"""Every stored message reaches the broker, in order, once where possible."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from support.fakes import MemoryLedger, a_part
from support.line_fakes import MemoryPublisher

from inspector.domain.decision import Reason
from inspector.domain.declared import Disposition
from inspector.domain.part import PartRecord
from inspector.messages.outgoing import (
    GateDeadline,
    ReportMessage,
    VerdictMessage,
    report_message,
    to_json,
    verdict_message,
)
from inspector.messages.withdrawal import LATE_DETAIL, reply_id, report_id
from inspector.ports.broker import OutgoingMessage
from inspector.station.outbox import Outbox
from inspector.utc import utc_now

pytestmark = pytest.mark.virtual_time


def message(number: int) -> OutgoingMessage:
    return OutgoingMessage(f"r-{number}", "plant/v1/pcb/cam1/verdict", b"{}", confirms=True)


async def stored(ledger: MemoryLedger, *numbers: int) -> list[OutgoingMessage]:
    messages = [message(number) for number in numbers]
    for number, each in zip(numbers, messages, strict=True):
        await ledger.record(a_part(f"t-{number}", result_id=each.message_id), [each])
    return messages


@asynccontextmanager
async def running(outbox: Outbox) -> AsyncIterator[None]:
    task = asyncio.create_task(outbox.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class SlowPublisher(MemoryPublisher):
    """Every message takes WAY_S to the broker."""

    WAY_S = 0.4

    async def publish(self, message: OutgoingMessage) -> None:
        await asyncio.sleep(self.WAY_S)
        await super().publish(message)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)


async def test_what_an_earlier_life_left_is_published_first_and_in_order() -> None:
    ledger, publisher = MemoryLedger(), MemoryPublisher()
    await stored(ledger, 1, 2, 3)
    outbox = Outbox(ledger, publisher)
    async with running(outbox):
        await until(lambda: len(publisher.published) == 3)
        outbox.send(await stored(ledger, 4))
        await outbox.flush(5)
    assert publisher.ids() == ["r-1", "r-2", "r-3", "r-4"]
    assert await ledger.unpublished(None, 10) == []


async def test_messages_wait_while_the_broker_is_away_and_follow_in_order() -> None:
    ledger, publisher = MemoryLedger(), MemoryPublisher()
    outbox = Outbox(ledger, publisher)
    async with running(outbox):
        await asyncio.sleep(0.05)
        publisher.away = True
        for number in range(5):
            outbox.send(await stored(ledger, number))
            await asyncio.sleep(0.01)
        assert publisher.published == []
        publisher.away = False
        await until(lambda: len(publisher.published) == 5)
        await outbox.flush(5)
    assert publisher.ids() == [f"r-{number}" for number in range(5)]


async def test_what_the_broker_echoes_is_not_published_again() -> None:
    ledger, publisher = MemoryLedger(), MemoryPublisher()
    await stored(ledger, 1, 2)
    publisher.echoed = ["r-1"]
    outbox = Outbox(ledger, publisher)
    async with running(outbox):
        await until(lambda: "r-2" in publisher.ids())
        await outbox.flush(5)
    assert publisher.ids() == ["r-2"]
    assert await ledger.unpublished(None, 10) == []
    assert "r-1" in publisher.forgotten_ids


async def test_message_handed_over_twice_is_published_once() -> None:
    ledger, publisher = MemoryLedger(), MemoryPublisher()
    outbox = Outbox(ledger, publisher)
    async with running(outbox):
        messages = await stored(ledger, 1)
        outbox.send(messages)
        outbox.send(messages)
        await outbox.flush(5)
    assert publisher.ids() == ["r-1"]


async def test_repeat_is_published_again() -> None:
    ledger, publisher = MemoryLedger(), MemoryPublisher()
    outbox = Outbox(ledger, publisher)
    async with running(outbox):
        [sent] = await stored(ledger, 1)
        outbox.send([sent])
        await outbox.flush(5)
        outbox.repeat(sent)
        await until(lambda: len(publisher.published) == 2)
    assert publisher.ids() == ["r-1", "r-1"]


async def test_confirmation_waits_while_the_ledger_is_away() -> None:
    ledger, publisher = MemoryLedger(), MemoryPublisher()
    outbox = Outbox(ledger, publisher)
    async with running(outbox):
        await asyncio.sleep(0.05)
        messages = await stored(ledger, 1)
        ledger.away = True
        outbox.send(messages)
        await until(lambda: publisher.ids() == ["r-1"])
        await asyncio.sleep(0.1)
        ledger.away = False
        assert await ledger.unpublished(None, 10) == messages
        await outbox.flush(5)
    assert await ledger.unpublished(None, 10) == []
    assert publisher.ids() == ["r-1"]


def passed(number: int, *, late_ms: float) -> tuple[PartRecord, OutgoingMessage]:
    """A part found good, and its verdict, whose gate stops waiting `late_ms` ago."""
    part = a_part(f"t-{number}", result_id=f"r-{number}")
    until = GateDeadline(utc_now() - timedelta(milliseconds=late_ms), Disposition.REJECT)
    return part, message(number)._replace(payload=to_json(verdict_message(part, until)))


def told(publisher: MemoryPublisher) -> list[Disposition]:
    return [VerdictMessage.model_validate_json(each.payload).disposition for each in publisher.published]


async def test_a_pass_that_waited_until_its_gate_had_acted_is_withdrawn_in_the_ledger_and_at_the_gate() -> None:
    ledger, publisher, withdrawn = MemoryLedger(), MemoryPublisher(), list[VerdictMessage]()
    for number, late_ms in ((1, 10.0), (2, -60_000.0)):
        part, verdict = passed(number, late_ms=late_ms)
        await ledger.record(part, [verdict])
    outbox = Outbox(ledger, publisher, on_withdrawn=withdrawn.append)
    async with running(outbox):
        await until(lambda: len(publisher.published) == 2)
        await outbox.flush(5)
    assert told(publisher) == [Disposition.REJECT, Disposition.PASS]
    assert [each.trigger_id for each in withdrawn] == ["t-1"]
    late, in_time = ledger.part("r-1"), ledger.part("r-2")
    assert late is not None
    assert in_time is not None
    assert (late.part.decision.disposition, late.part.decision.reason, late.part.late) == (
        Disposition.REJECT, Reason.DEADLINE, True,
    )  # fmt: skip
    assert in_time.part.decision == a_part().decision


async def test_setting_the_clock_back_lets_no_pass_out_late() -> None:
    """By this machine's clock the gate waits for another minute; by the time that passed it acted a second ago."""
    ledger, publisher = MemoryLedger(), MemoryPublisher()
    part, verdict = passed(1, late_ms=-60_000.0)
    reply = verdict._replace(message_id=reply_id(part.result_id), confirms=False)
    outbox = Outbox(ledger, publisher)
    await ledger.record(part, [verdict, reply])
    outbox.expect(part.result_id, time.monotonic() - 1.0)
    async with running(outbox):
        await until(lambda: len(publisher.published) == 2)
        await outbox.flush(5)
        outbox.repeat(verdict)
        await until(lambda: len(publisher.published) == 3)
    assert told(publisher) == [Disposition.REJECT] * 3
    stored_part = ledger.part("r-1")
    assert stored_part is not None
    assert stored_part.part.late


@pytest.mark.parametrize("stored_before", [True, False])
async def test_report_of_a_withdrawn_pass_says_what_its_gate_was_told(stored_before: bool) -> None:
    ledger, publisher = MemoryLedger(), MemoryPublisher()
    part, verdict = passed(1, late_ms=10.0)
    messages = [verdict, OutgoingMessage(report_id("r-1"), "plant/v1/pcb/cam1/report", to_json(report_message(part)))]
    outbox = Outbox(ledger, publisher)
    if stored_before:
        await ledger.record(part, messages)
    async with running(outbox):
        await publisher.wait_online()
        if not stored_before:
            await ledger.record(part, messages)
            outbox.send(messages)
        await until(lambda: len(publisher.published) == 2)
        await outbox.flush(5)
    sent, report = publisher.published
    assert VerdictMessage.model_validate_json(sent.payload).disposition is Disposition.REJECT
    written = ReportMessage.model_validate_json(report.payload)
    assert (written.verdict.disposition, written.verdict.late, written.detail) == (
        Disposition.REJECT,
        True,
        LATE_DETAIL,
    )


async def test_a_pass_that_was_published_in_time_is_not_repeated_after_its_time() -> None:
    ledger, publisher = MemoryLedger(), MemoryPublisher()
    part, verdict = passed(1, late_ms=10.0)
    await ledger.record(part, [verdict])
    await ledger.confirm([verdict.message_id])
    outbox = Outbox(ledger, publisher)
    async with running(outbox):
        outbox.repeat(verdict)
        await outbox.flush(5)
    assert told(publisher) == [Disposition.REJECT]
    assert ledger.rows[0].part.decision.disposition is Disposition.PASS, "the gate had it in time"


async def test_a_pass_that_would_come_too_late_by_the_way_of_the_last_ones_is_withdrawn() -> None:
    ledger, publisher = MemoryLedger(), SlowPublisher()
    outbox = Outbox(ledger, publisher)
    async with running(outbox):
        await publisher.wait_online()
        for number in (1, 2):
            part, verdict = passed(number, late_ms=-SlowPublisher.WAY_S * 500.0)
            await ledger.record(part, [verdict])
            outbox.send([verdict])
            await outbox.flush(5)
    assert told(publisher) == [Disposition.PASS, Disposition.REJECT]


async def test_nothing_is_withdrawn_at_the_gate_that_the_ledger_does_not_hold() -> None:
    ledger, publisher = MemoryLedger(), MemoryPublisher()
    part, verdict = passed(1, late_ms=10.0)
    await ledger.record(part, [verdict])
    ledger.away = True
    outbox = Outbox(ledger, publisher)
    async with running(outbox):
        outbox.send([verdict])
        await asyncio.sleep(0.2)
        assert publisher.published == []
        ledger.away = False
        await until(lambda: len(publisher.published) == 1)
    assert told(publisher) == [Disposition.REJECT]
