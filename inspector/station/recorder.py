"""Records decided parts and hands their messages to the relay; adds the words when they are written.

While the ledger is away the gate hears the fail-safe at once, and that is what is stored when the ledger is back.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, TypeVar

from inspector.domain.decision import Reason, fail_safe
from inspector.domain.declared import Disposition
from inspector.domain.frame import Frame
from inspector.domain.part import PartRecord
from inspector.domain.pipeline import Pipeline
from inspector.domain.report import NO_WORDS, Words, WordsState
from inspector.domain.review import is_shadow
from inspector.errors import LedgerError
from inspector.log_context import set_current_result
from inspector.messages.outgoing import EventSeverity, GateDeadline, report_message, to_json, verdict_message
from inspector.messages.topics import Topics
from inspector.messages.withdrawal import report_id
from inspector.ports.broker import OutgoingMessage
from inspector.ports.ledger import Ledger
from inspector.ports.pool import ShadowResult
from inspector.station.deadlines import Deadline
from inspector.station.monitor import Watch
from inspector.station.outbox import Relay
from inspector.station.part_states import Tell, decided, nobody
from inspector.station.time_reserve import Ways
from inspector.utc import utc_now

log = logging.getLogger(__name__)

Done = TypeVar("Done")

RETRY_S: Final = 0.5
PUBLISH_MS: Final = 30.0  # of each deadline, for the way of a verdict: more than the relay asks for


class Recorder:
    """One station's pen. `ways` learns how long commits take."""

    def __init__(
        self,
        ledger: Ledger,
        relay: Relay,
        watch: Watch,
        topics: Topics,
        *,
        ways: Ways | None = None,
        tell: Tell = nobody,
    ) -> None:
        self._ledger = ledger
        self._relay = relay
        self._watch = watch
        self._topics = topics
        self._ways = ways or Ways()
        self._tell = tell
        self._writing: set[asyncio.Task[None]] = set()

    async def record(
        self,
        part: PartRecord,
        frame: Frame,
        pipeline: Pipeline,
        due: Deadline,
        words: Awaitable[Words | None] | None,
        shadow: Awaitable[ShadowResult | None] | None,
    ) -> bool:
        """Returns when the part is durable and its verdict on its way; False when its key was decided before. The gate
        hears something by `due`, though the commit may take longer."""
        set_current_result(part.result_id)
        messages = self._messages(part, frame, pipeline, due)
        storing, began_s = asyncio.create_task(self._ledger.record(part, messages)), time.monotonic()
        told = None if await _in_time(storing, part, due) else self._answer_unstored(part, frame, pipeline, due)
        try:
            stored = await storing
        except LedgerError as error:
            safe = told or _safe(part, pipeline, f"the ledger could not store the part: {error}")
            await self._record_in_safe_mode(safe, frame, pipeline, due, error)
            return True
        self._ways.add(began_s, time.monotonic())
        if stored and told and told.decision != part.decision:
            part, messages = told, self._messages(told, frame, pipeline, due)
            await self._correct(part, messages[0])
        if stored:
            self._relay.send(messages)
            self._stored(part)
        if stored and words is not None and part.words.state is WordsState.PENDING:
            self._spawn(self._add_words(part, words))
        if stored and shadow is not None and is_shadow(part.key, pipeline.settle.shadow):
            self._spawn(self._add_shadow(part, shadow))
        return stored

    async def close_unfinished(self, lines: Sequence[str]) -> None:
        """Closes reports of an earlier life whose words nobody is writing any more."""
        for part in await self._ledger.unfinished_words(lines):
            await self._finish(part, Words(WordsState.MISSING, raw="the writer stopped before the words were done"))

    async def close(self, timeout_s: float) -> None:
        """Waits for words still being written; those that take longer are closed as MISSING at the next start."""
        if self._writing:
            await asyncio.wait(set(self._writing), timeout=timeout_s)
        for task in self._writing:
            task.cancel()

    def _stored(self, part: PartRecord) -> None:
        decision = part.decision
        log.info("%s: %s, %s after %.0f ms", part.key, decision.disposition, decision.reason, part.latency_ms)
        self._tell(decided(part))

    # ------------------------------------------------------------------ without the ledger

    def _answer_unstored(self, part: PartRecord, frame: Frame, pipeline: Pipeline, due: Deadline) -> PartRecord:
        """The gate is told the decision now, or the fail-safe in place of a PASS: that must be stored first."""
        self._watch.note("LEDGER_SLOW", f"{part.key}: its gate could not wait for the commit", line=part.key.line)
        told = replace(part, words=NO_WORDS)
        if part.decision.disposition is Disposition.PASS:
            told = _safe(part, pipeline, "the ledger did not store the part in time")
        self._relay.send(self._verdicts(told, frame, pipeline, due))
        return told

    async def _record_in_safe_mode(
        self, safe: PartRecord, frame: Frame, pipeline: Pipeline, due: Deadline, error: LedgerError
    ) -> None:
        messages = self._messages(safe, frame, pipeline, due)
        self._watch.note("LEDGER_AWAY", str(error), line=safe.key.line, severity=EventSeverity.ALARM)
        self._relay.send(messages)
        stored = await _insistently(lambda: self._ledger.record(safe, messages))
        if not stored:  # it had been, though the ledger said otherwise
            await self._correct(safe, messages[0])
        self._stored(safe)
        self._relay.send(messages)

    async def _correct(self, told: PartRecord, verdict: OutgoingMessage) -> None:
        """The ledger holds another decision than the gate was told while it was being stored."""
        result_id, decision, payload = told.result_id, told.decision, verdict.payload
        if not await _insistently(lambda: self._ledger.withdraw(result_id, decision, payload, in_time=True)):
            said = f"{told.key}: the gate was told {told.decision.disposition}, the ledger holds another result"
            self._watch.note("RECORD_DIFFERS", said, line=told.key.line)

    # ------------------------------------------------------------------ words, after the verdict

    async def _add_words(self, part: PartRecord, words: Awaitable[Words | None]) -> None:
        await self._finish(part, await words or Words(WordsState.MISSING, raw="the model wrote nothing"))

    async def _finish(self, part: PartRecord, words: Words) -> None:
        message = self._report(replace(part, words=words))
        await _insistently(lambda: self._ledger.finish_words(part.result_id, words, [message]))
        self._relay.send([message])

    # ------------------------------------------------------------------ votes that decide nothing

    async def _add_shadow(self, part: PartRecord, shadow: Awaitable[ShadowResult | None]) -> None:
        """While the ledger is away they are let go: nobody waits for them, and others will come."""
        found = await shadow
        if found is not None and found.votes:
            with suppress(LedgerError):
                await self._ledger.add_shadow(part.result_id, found.votes)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    # ------------------------------------------------------------------ messages

    def _messages(self, part: PartRecord, frame: Frame, pipeline: Pipeline, due: Deadline) -> list[OutgoingMessage]:
        """The verdict, and the report unless its words are still to come."""
        report = [] if part.words.state is WordsState.PENDING else [self._report(part)]
        return self._verdicts(part, frame, pipeline, due) + report

    def _verdicts(self, part: PartRecord, frame: Frame, pipeline: Pipeline, due: Deadline) -> list[OutgoingMessage]:
        """The verdict, and a copy where the frame asked for one."""
        until = GateDeadline(utc_now() + timedelta(milliseconds=due.left_ms(time.monotonic())), pipeline.fail_safe)
        topic, payload = self._topics.verdict(part.key.line, part.key.camera), to_json(verdict_message(part, until))
        token, ack_ms = frame.correlation or part.key.trigger_id.encode(), pipeline.gate.ack_within_ms
        messages = [OutgoingMessage(part.result_id, topic, payload, True, token, ack_ms)]
        if frame.response_topic:
            messages.append(
                OutgoingMessage(f"{part.result_id}-reply", frame.response_topic, payload, correlation=token)
            )
        return messages

    def _report(self, part: PartRecord) -> OutgoingMessage:
        topic = self._topics.report(part.key.line, part.key.camera)
        return OutgoingMessage(report_id(part.result_id), topic, to_json(report_message(part)))


async def _insistently(call: Callable[[], Awaitable[Done]]) -> Done:
    """Again and again while the ledger is away."""
    while True:
        try:
            return await call()
        except LedgerError:
            await asyncio.sleep(RETRY_S)


async def _in_time(storing: asyncio.Task[bool], part: PartRecord, due: Deadline) -> bool:
    """Whether the gate can wait for this commit. Nobody waits for a late part."""
    if part.late:
        return True
    left_s = max(0.0, due.left_ms(time.monotonic()) - PUBLISH_MS) / 1000.0
    done, _ = await asyncio.wait({storing}, timeout=left_s)
    return bool(done)


def _safe(part: PartRecord, pipeline: Pipeline, why: str) -> PartRecord:
    return replace(part, decision=fail_safe(pipeline.fail_safe, Reason.SAFE_MODE, why), words=NO_WORDS)
