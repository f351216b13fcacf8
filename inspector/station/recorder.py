"""Records decided parts and passes their messages to the outbox; adds the report when it is written.

While the ledger is away the gate gets the fail-safe at once, and that is what is stored when the ledger is back.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, TypeVar

from inspector.domain.decision import Reason, fail_safe
from inspector.domain.declared import Disposition
from inspector.domain.frame import Frame
from inspector.domain.part import PartRecord
from inspector.domain.part_history import is_shadow
from inspector.domain.pipeline import Pipeline
from inspector.domain.report import NO_WORDS, Words, WordsState
from inspector.errors import LedgerError
from inspector.messages.outgoing import (
    GateDeadline,
    report_message,
    to_json,
    verdict_message,
)
from inspector.messages.topics import Topics
from inspector.messages.withdrawal import is_pass, reply_id, report_id
from inspector.ports.answers import AnsweredPart
from inspector.ports.broker import OutgoingMessage
from inspector.ports.ledger import PartStore, Recorded
from inspector.ports.pool import ShadowResult
from inspector.runtime.log_context import set_current_result
from inspector.runtime.tracing import span
from inspector.station.deadlines import Deadline
from inspector.station.early_answers import EarlyAnswers
from inspector.station.event_log import EventLog
from inspector.station.ledger_state import LedgerState
from inspector.station.outbox import Outbox
from inspector.station.part_states import StateListener, decided, ignore_state
from inspector.station.time_reserve import TimeReserve
from inspector.utc import utc_now

log = logging.getLogger(__name__)

Result = TypeVar("Result")

COMMIT_WHILE_AWAY_S: Final = 0.2  # a gate waits no longer for the commit of a ledger that is known to be away


@dataclass(frozen=True, slots=True)
class Entry:
    """A decided part with what its messages are made of."""

    part: PartRecord
    frame: Frame
    pipeline: Pipeline
    due: Deadline

    def with_fail_safe(self, detail: str) -> Entry:
        """Return the entry with the line's fail-safe in place of its decision."""
        decision = fail_safe(self.pipeline.fail_safe, Reason.SAFE_MODE, detail)
        return replace(self, part=replace(self.part, decision=decision, words=NO_WORDS))


class Recorder:
    """Records the parts of one station. `reserve` learns how long commits take, and says what publishing needs."""

    def __init__(
        self,
        ledger: PartStore,
        outbox: Outbox,
        events: EventLog,
        topics: Topics,
        state: LedgerState,
        early: EarlyAnswers,
        *,
        reserve: TimeReserve | None = None,
        notify: StateListener = ignore_state,
    ) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._events = events
        self._topics = topics
        self._state = state
        self._early = early
        self._reserve = reserve or TimeReserve(0.0)
        self._notify = notify
        self._writing: set[asyncio.Task[None]] = set()

    async def record(
        self,
        part: PartRecord,
        frame: Frame,
        pipeline: Pipeline,
        due: Deadline,
        words: Awaitable[Words | None] | None,
        shadow: Awaitable[ShadowResult | None] | None,
    ) -> Recorded:
        """Return once the part is durable and its verdict on its way; KNOWN if its identity was decided before.

        The gate gets an answer by `due`, even if the commit takes longer.
        """
        set_current_result(part.result_id)
        entry = Entry(part, frame, pipeline, due)
        messages = self._messages(entry)
        self._outbox.expect(part.result_id, due.at_s)
        storing, began_s = asyncio.create_task(self._commit(part, messages)), time.monotonic()
        answered = await self._answer_in_time(storing, entry)
        try:
            stored = await storing
        except LedgerError as error:
            await self._record_in_safe_mode(answered, entry, error)
            return Recorded.NEW
        self._reserve.storing.add(began_s, time.monotonic())
        if stored:
            part = await self._publish(entry, messages, answered)
            self._follow_up(part, pipeline, words, shadow)
        self._early.drop(part.result_id)
        return stored

    def answered(self, entry: Entry) -> AnsweredPart:
        """Return what the gate of a part gets that the ledger cannot take yet."""
        return AnsweredPart(entry.part, self._messages(entry))

    async def answer(self, answered: AnsweredPart) -> None:
        """Publish the verdict of a part that the ledger cannot take yet."""
        await self._early.keep(answered)
        self._outbox.send(answered.messages)

    async def unrecorded(self) -> list[AnsweredPart]:
        """Return the parts that an earlier process answered and the ledger does not have. Raises LedgerError.

        Where the ledger has stored another decision than the gate got, that is corrected.
        """
        return [each for each in await self._early.read() if not await self._is_recorded(each)]

    def answer_again(self, answered: AnsweredPart) -> None:
        """Publish the verdict once more, for a camera that sent its frame again."""
        for message in answered.messages:
            self._outbox.repeat(message)

    async def record_answered(self, answered: AnsweredPart) -> None:
        """Store an answered part as its gate knows it; retried while the ledger is away."""
        part, messages = answered.part, answered.messages
        set_current_result(part.result_id)
        if not await self._until_stored(lambda: self._commit(part, messages)):
            await self._correct(part, messages[0])  # an earlier commit had succeeded despite its error
        self._early.drop(part.result_id)
        self._report_decided(part)
        self._outbox.send(messages)

    async def close_unfinished(self, lines: Sequence[str]) -> None:
        """Close reports that a previous run left pending."""
        for part in await self._ledger.unfinished_words(lines):
            await self._finish(part, Words(WordsState.MISSING, raw="the service stopped before the report was written"))

    async def close(self, timeout_s: float) -> None:
        """Wait for reports that are still being written. The next start closes longer ones as MISSING."""
        if self._writing:
            await asyncio.wait(set(self._writing), timeout=timeout_s)
        for task in self._writing:
            task.cancel()

    # ------------------------------------------------------------------ the three steps: answer, publish, follow up

    async def _answer_in_time(self, storing: asyncio.Task[Recorded], entry: Entry) -> Entry | None:
        """Answer the gate before the commit if the gate cannot wait for it; return what it got.

        A PASS must be stored first, so the fail-safe goes out in its place.
        """
        if await self._is_stored_in_time(storing, entry):
            return None
        text = f"{entry.part.key}: its gate could not wait for the commit"
        self._events.add("LEDGER_SLOW", text, line=entry.part.key.line)
        answered = replace(entry, part=replace(entry.part, words=NO_WORDS))
        if entry.part.decision.disposition is Disposition.PASS:
            answered = entry.with_fail_safe("the ledger did not store the part in time")
        await self.answer(AnsweredPart(answered.part, self._verdicts(answered)))
        return answered

    async def _is_stored_in_time(self, storing: asyncio.Task[Recorded], entry: Entry) -> bool:
        """Return whether the gate can wait for this commit. No gate waits for a late part."""
        if entry.part.late:
            return True
        now_s = time.monotonic()
        left_s = max(0.0, entry.due.left_ms(now_s) - self._reserve.publishing_ms(entry.due.ms, now_s)) / 1000.0
        if self._state.is_away:
            left_s = min(left_s, COMMIT_WHILE_AWAY_S)
        done, _ = await asyncio.wait({storing}, timeout=left_s)
        return bool(done)

    async def _publish(self, entry: Entry, messages: list[OutgoingMessage], answered: Entry | None) -> PartRecord:
        """Publish the messages of a stored part, after correcting the ledger if the gate got another decision."""
        if answered and answered.part.decision != entry.part.decision:
            entry, messages = answered, self._messages(answered)
            await self._correct(entry.part, messages[0])
        self._outbox.send(messages)
        self._report_decided(entry.part)
        return entry.part

    def _follow_up(
        self,
        part: PartRecord,
        pipeline: Pipeline,
        words: Awaitable[Words | None] | None,
        shadow: Awaitable[ShadowResult | None] | None,
    ) -> None:
        """Wait in the background for the report, and for shadow votes."""
        if words is not None and part.words.state is WordsState.PENDING:
            self._spawn(self._add_words(part, words))
        if shadow is not None and is_shadow(part.key, pipeline.settle.shadow):
            self._spawn(self._add_shadow(part, shadow))

    def _report_decided(self, part: PartRecord) -> None:
        decision = part.decision
        log.info("%s: %s, %s after %.0f ms", part.key, decision.disposition, decision.reason, part.latency_ms)
        self._notify(decided(part))

    # ------------------------------------------------------------------ without the ledger

    async def _commit(self, part: PartRecord, messages: list[OutgoingMessage]) -> Recorded:
        with span("record part", result_id=part.result_id), self._state.commit(part.key.line):
            return await self._ledger.record(part, messages)

    async def _record_in_safe_mode(self, answered: Entry | None, entry: Entry, error: LedgerError) -> None:
        """Publish the fail-safe now and store it when the ledger is back."""
        safe = self.answered(answered or entry.with_fail_safe(f"the ledger could not store the part: {error}"))
        await self.answer(safe)
        await self.record_answered(safe)

    async def _is_recorded(self, answered: AnsweredPart) -> bool:
        """Return whether the ledger has an answered part, after it was made to say what the gate got."""
        part, verdict = answered.part, answered.messages[0]
        stored = await self._ledger.find(part.identity)
        if stored is None:
            return False
        if stored.result_id != part.result_id or (stored.verdict and is_pass(stored.verdict.payload)):
            await self._correct(part, verdict)
        self._early.drop(part.result_id)
        return True

    async def _correct(self, answered: PartRecord, verdict: OutgoingMessage) -> None:
        """Replace the decision in the ledger by the one that the gate got while it was being stored."""
        result_id, decision, payload = answered.result_id, answered.decision, verdict.payload
        if not await self._until_stored(lambda: self._ledger.withdraw(result_id, decision, payload, in_time=True)):
            text = f"{answered.key}: the gate got {answered.decision.disposition}, the ledger holds another result"
            self._events.add("RECORD_DIFFERS", text, line=answered.key.line)

    async def _until_stored(self, call: Callable[[], Awaitable[Result]]) -> Result:
        """Retry while the ledger is away."""
        while True:
            try:
                return await call()
            except LedgerError:
                await self._state.pause()

    # ------------------------------------------------------------------ after the verdict: report, shadow votes

    async def _add_words(self, part: PartRecord, words: Awaitable[Words | None]) -> None:
        await self._finish(part, await words or Words(WordsState.MISSING, raw="the model wrote nothing"))

    async def _finish(self, part: PartRecord, words: Words) -> None:
        message = self._report(replace(part, words=words))
        await self._until_stored(lambda: self._ledger.finish_words(part.result_id, words, [message]))
        self._outbox.send([message])

    async def _add_shadow(self, part: PartRecord, shadow: Awaitable[ShadowResult | None]) -> None:
        """Store shadow votes. While the ledger is away they are dropped: other parts will bring more."""
        result = await shadow
        if result is not None and result.votes:
            with suppress(LedgerError):
                await self._ledger.add_shadow(part.result_id, result.votes)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    # ------------------------------------------------------------------ messages

    def _messages(self, entry: Entry) -> list[OutgoingMessage]:
        """Return the verdict, and the report unless it is still to be written."""
        report = [] if entry.part.words.state is WordsState.PENDING else [self._report(entry.part)]
        return self._verdicts(entry) + report

    def _verdicts(self, entry: Entry) -> list[OutgoingMessage]:
        """Return the verdict, and a copy for the frame's response topic if it has one."""
        part, frame, pipeline = entry.part, entry.frame, entry.pipeline
        gate_by = utc_now() + timedelta(milliseconds=entry.due.left_ms(time.monotonic()))
        topic = self._topics.verdict(part.key.line, part.key.camera)
        payload = to_json(verdict_message(part, GateDeadline(gate_by, pipeline.fail_safe)))
        token, ack_ms = frame.correlation or part.key.trigger_id.encode(), pipeline.gate.ack_within_ms
        messages = [OutgoingMessage(part.result_id, topic, payload, True, token, ack_ms)]
        if frame.response_topic:
            messages.append(OutgoingMessage(reply_id(part.result_id), frame.response_topic, payload, correlation=token))
        return messages

    def _report(self, part: PartRecord) -> OutgoingMessage:
        topic = self._topics.report(part.key.line, part.key.camera)
        return OutgoingMessage(report_id(part.result_id), topic, to_json(report_message(part)))
