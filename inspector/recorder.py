"""Records decided parts and hands their messages to the relay; adds the words when they are written.

While the ledger is away the gate hears the fail-safe at once, and that is what is stored when the ledger is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final

from inspector.decision import Reason, fail_safe
from inspector.errors import LedgerError
from inspector.frame import Frame
from inspector.part import PartRecord
from inspector.pipeline import Pipeline
from inspector.ports import Ledger, Outgoing
from inspector.relay import Relay
from inspector.report import NO_WORDS, Words, WordsState
from inspector.watch import Watch
from inspector.wire import EventSeverity, Topics, report_message, to_json, verdict_message

RETRY_S: Final = 0.5


class Recorder:
    """One station's pen. `frame` is where the answer goes besides the line's own topics."""

    def __init__(self, ledger: Ledger, relay: Relay, watch: Watch, topics: Topics) -> None:
        self._ledger = ledger
        self._relay = relay
        self._watch = watch
        self._topics = topics
        self._writing: set[asyncio.Task[None]] = set()

    async def record(
        self, part: PartRecord, frame: Frame, pipeline: Pipeline, words: Awaitable[Words | None] | None
    ) -> bool:
        """Returns when the part is durable and its verdict on its way; False when its key was decided before."""
        messages = self._messages(part, frame, pipeline)
        try:
            stored = await self._ledger.record(part, messages)
        except LedgerError as error:
            await self._record_in_safe_mode(part, frame, pipeline, error)
            return True
        if stored:
            self._relay.send(messages)
        if stored and words is not None and part.words.state is WordsState.PENDING:
            self._spawn(self._add_words(part, words))
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

    # ------------------------------------------------------------------ without the ledger

    async def _record_in_safe_mode(
        self, part: PartRecord, frame: Frame, pipeline: Pipeline, error: LedgerError
    ) -> None:
        decision = fail_safe(pipeline.fail_safe, Reason.SAFE_MODE, f"the ledger could not store the part: {error}")
        safe = replace(part, decision=decision, words=NO_WORDS)
        messages = self._messages(safe, frame, pipeline)
        self._watch.note("LEDGER_AWAY", str(error), line=part.key.line, severity=EventSeverity.ALARM)
        self._relay.send(messages)
        while (stored := await self._try_to_store(safe, messages)) is None:
            await asyncio.sleep(RETRY_S)
        if not stored:
            said = f"{part.key}: the ledger had stored {part.decision.disposition} although it said it had not"
            self._watch.note("RECORD_DIFFERS", f"{said}; the gate was told the fail-safe", line=part.key.line)
        self._relay.send(messages)

    async def _try_to_store(self, part: PartRecord, messages: list[Outgoing]) -> bool | None:
        """Whether the part was stored now (False: it had been before); None while the ledger is away."""
        try:
            return await self._ledger.record(part, messages)
        except LedgerError:
            return None

    # ------------------------------------------------------------------ words, after the verdict

    async def _add_words(self, part: PartRecord, words: Awaitable[Words | None]) -> None:
        await self._finish(part, await words or Words(WordsState.MISSING, raw="the model wrote nothing"))

    async def _finish(self, part: PartRecord, words: Words) -> None:
        message = self._report(replace(part, words=words))
        while True:
            try:
                await self._ledger.finish_words(part.result_id, words, [message])
            except LedgerError:
                await asyncio.sleep(RETRY_S)
                continue
            self._relay.send([message])
            return

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    # ------------------------------------------------------------------ messages

    def _messages(self, part: PartRecord, frame: Frame, pipeline: Pipeline) -> list[Outgoing]:
        """The verdict, a copy where the frame asked for one, and the report unless its words are still to come."""
        topic, payload = self._topics.verdict(part.key.line, part.key.camera), to_json(verdict_message(part))
        token, due_ms = frame.correlation or part.key.trigger_id.encode(), pipeline.gate.ack_within_ms
        messages = [Outgoing(part.result_id, topic, payload, True, token, due_ms)]
        if frame.response_topic:
            messages.append(Outgoing(f"{part.result_id}-reply", frame.response_topic, payload, correlation=token))
        if part.words.state is not WordsState.PENDING:
            messages.append(self._report(part))
        return messages

    def _report(self, part: PartRecord) -> Outgoing:
        topic = self._topics.report(part.key.line, part.key.camera)
        return Outgoing(f"{part.result_id}-report", topic, to_json(report_message(part)))
