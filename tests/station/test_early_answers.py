"""No part gets two verdicts although its station dies between its answer and its record.

With a real broker and a killed process: tests/end_to_end/test_killed_in_an_outage.py.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import pytest
from support.line_fakes import MemoryAnswerJournal, at_work, frame
from support.station_line import Line

from inspector.domain.decision import Reason
from inspector.domain.declared import Disposition
from inspector.domain.part import PartRecord
from inspector.errors import LedgerError
from inspector.messages.outgoing import VerdictMessage
from inspector.ports.answers import AnsweredPart
from inspector.ports.broker import OutgoingMessage
from inspector.ports.ledger import Recorded
from inspector.utc import utc_now


@pytest.fixture
async def at() -> AsyncIterator[AsyncExitStack]:
    """The services of all stations of a test."""
    async with AsyncExitStack() as stack:
        yield stack


async def started(at: AsyncExitStack, line: Line) -> Line:
    await at.enter_async_context(at_work(line.station, line.outbox))
    return line


async def first_answer(line: Line) -> VerdictMessage:
    async with asyncio.timeout(60):
        while not line.verdicts():
            await asyncio.sleep(0.01)
    return line.verdicts()[0]


async def restarted(at: AsyncExitStack, line: Line) -> Line:
    """A new station after the death of `line`'s: only ledger and journal outlive it."""
    line.ledger.away = False
    again = Line(ledger=line.ledger, journal=line.journal)
    await again.cameras.restore()
    await again.station.restore()
    return await started(at, again)


@pytest.mark.parametrize("has_room", [True, False])
async def test_part_answered_in_an_outage_is_not_judged_after_a_restart(at: AsyncExitStack, *, has_room: bool) -> None:
    line = await started(at, Line())
    line.ledger.away = True
    arrived = frame(seq=7)
    answering = line.station.inspect(arrived) if has_room else line.station.answer(replace(arrived, payload=b""))
    inspecting = asyncio.create_task(answering)
    verdict = await first_answer(line)
    await line.early.flush()
    inspecting.cancel()
    again = await restarted(at, line)
    await again.station.inspect(frame(seq=7, redelivered=True))  # without captured_at it would be in time
    await again.station.inspect(frame("t-2", seq=8))
    await again.settle()
    parts = [row.part for row in again.ledger.rows]
    assert [(part.result_id, part.decision.disposition) for part in parts[:1]] == [
        (verdict.result_id, Disposition.REVIEW)
    ]
    assert (parts[0].seq, parts[0].run, parts[1].run) == (7, 1, 1)
    assert parts[0].evidence is not None
    assert {each.disposition for each in again.verdicts() if each.trigger_id == verdict.trigger_id} <= {
        Disposition.REVIEW
    }
    assert len(again.pool.jobs) == 1  # of the second part
    await again.early.flush()
    assert again.journal.kept == {}


async def test_pass_that_was_stored_after_its_gate_got_the_fail_safe_is_never_published(at: AsyncExitStack) -> None:
    """The station dies between a slow commit and the correction of what it stored."""
    line, commits = await started(at, Line()), asyncio.Event()
    store = line.ledger.record

    async def slow(part: PartRecord, outgoing: Sequence[OutgoingMessage]) -> Recorded:
        stored = await store(part, outgoing)
        commits.set()
        await asyncio.sleep(3600)
        return stored

    line.ledger.record = slow  # type: ignore[method-assign]
    inspecting = asyncio.create_task(line.station.inspect(frame()))
    verdict = await first_answer(line)
    await line.early.flush()
    inspecting.cancel()
    [row] = line.ledger.rows
    assert (verdict.disposition, row.part.decision.disposition) == (Disposition.REVIEW, Disposition.PASS)
    line.ledger.record = store  # type: ignore[method-assign]
    again = await restarted(at, line)
    [row] = again.ledger.rows
    assert (row.part.decision.disposition, row.part.decision.reason) == (Disposition.REVIEW, Reason.SAFE_MODE)
    await again.early.flush()
    assert again.journal.kept == {}


async def test_trigger_of_an_answered_part_stays_open_over_a_restart(at: AsyncExitStack) -> None:
    line = await started(at, Line())
    line.ledger.away = True
    await line.station.answer(frame(payload=b"", sha256="a" * 64, captured_at=utc_now() + timedelta(seconds=30)))
    await line.early.flush()
    again = await restarted(at, line)
    await again.station.inspect(frame(payload=b"another picture"))
    await again.settle()
    assert again.verdicts()[-1].disposition is Disposition.REVIEW


class BrokenJournal(MemoryAnswerJournal):
    def read(self) -> list[AnsweredPart]:
        raise LedgerError("answers can't be kept in /data/answers: Read-only file system")

    def write(self, answered: Sequence[AnsweredPart], recorded: Sequence[str]) -> None:
        raise LedgerError("answers can't be kept in /data/answers: No space left on device")


class HangingJournal(MemoryAnswerJournal):
    def __init__(self) -> None:
        super().__init__()
        self.returns = threading.Event()

    def write(self, answered: Sequence[AnsweredPart], recorded: Sequence[str]) -> None:
        self.returns.wait(60)
        super().write(answered, recorded)


async def test_journal_that_fails_delays_no_answer_and_is_an_alarm(at: AsyncExitStack) -> None:
    line = await started(at, Line(journal=BrokenJournal()))
    await line.station.restore()
    line.ledger.away = True
    await line.station.answer(replace(frame(), payload=b""))
    await line.early.flush()
    line.ledger.away = False
    await line.station.inspect(frame(redelivered=True))
    await line.settle()
    await line.events.flush()
    assert [each.disposition for each in line.verdicts()] == [Disposition.REVIEW]
    assert [event.severity for event in line.ledger.events if event.kind == "ANSWERS_NOT_KEPT"] == ["ALARM"] * 2


async def test_journal_that_hangs_delays_no_answer(at: AsyncExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.station.early_answers.MAX_WAITING_CHANGES", 20)
    journal = HangingJournal()
    line = await started(at, Line(journal=journal))
    line.ledger.away = True
    for number in range(40):
        await line.station.answer(frame(f"t-{number}", payload=b""))
    async with asyncio.timeout(60):
        while len(line.verdicts()) < 40:
            await asyncio.sleep(0.01)
    assert journal.kept == {}
    await line.events.flush()
    assert b"ANSWERS_NOT_KEPT" in b"".join(payload for _, payload in line.publisher.announced)
    journal.returns.set()
    await line.early.flush()
    assert 0 < len(journal.kept) < 40
