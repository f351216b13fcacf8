"""Publishes every stored message: at once after its commit, and again after any failure.

At least once and in order. The ledger is the queue; memory only saves reading it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, TypeVar

from inspector.domain.decision import Reason, fail_safe
from inspector.errors import BrokerError, LedgerError
from inspector.messages.outgoing import VerdictMessage, to_json
from inspector.messages.withdrawal import (
    AMBIGUOUS_DETAIL,
    LATE_DETAIL,
    answered_result,
    correct_report,
    report_id,
    reported_result,
    withdraw_as_late,
    withdraw_if_ambiguous,
    withdraw_if_late,
)
from inspector.ports.broker import OutgoingMessage, Publisher
from inspector.ports.ledger import OutboxStore
from inspector.station.loop_clock import loop_time_s
from inspector.station.time_reserve import RecentDurations
from inspector.utc import utc_now

log = logging.getLogger(__name__)

Known = TypeVar("Known")

MAX_PUBLISHING: Final = (
    64  # messages on their way: hides the broker's round trip, keeps repeats after a lost connection few
)
LEDGER_BATCH: Final = 500
MAX_QUEUED: Final = 5_000  # messages waiting in memory; more wait in the ledger only
REMEMBERED_MESSAGES: Final = 20_000  # ids of published messages, so that catching up repeats none
RETRY_S: Final = 0.5
MIN_TRANSIT_S: Final = 0.02  # kept for publishing, however fast the last messages were
CONFIRM_INTERVAL_S: Final = (
    0.1  # confirmations share a transaction; a crash before that is covered by the broker's echoes
)


class Outbox:
    """Publishes what the ledger holds for `lines` (None: all lines).

    `durations` learns how long publishing takes. `notify` gets every verdict that the broker has, `on_withdrawn` every
    PASS that it did not get in time.
    """

    def __init__(
        self,
        ledger: OutboxStore,
        publisher: Publisher,
        lines: Sequence[str] | None = None,
        *,
        durations: RecentDurations | None = None,
        notify: Callable[[OutgoingMessage], None] = lambda _: None,
        on_withdrawn: Callable[[VerdictMessage], None] = lambda _: None,
    ) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self.lines = lines
        self._notify = notify
        self._on_withdrawn = on_withdrawn
        self._waiting: deque[OutgoingMessage] = deque()
        self._published: OrderedDict[str, None] = OrderedDict()
        self._ambiguous: OrderedDict[str, None] = OrderedDict()  # results whose PASS another part could take
        self._due_s: OrderedDict[str, float] = OrderedDict()  # when the gates of this process's results stop waiting
        self._withdrawn: dict[str, VerdictMessage] = {}  # by the id of the report that still says PASS
        self._confirmed: list[str] = []
        self._durations = durations or RecentDurations()
        self._is_behind = True
        self._wake = asyncio.Event()
        self._window = asyncio.Semaphore(MAX_PUBLISHING)
        self._publishing: dict[str, asyncio.Task[None]] = {}

    @property
    def backlog(self) -> int:
        """The number of messages in memory that the broker has not confirmed."""
        return len(self._waiting) + len(self._publishing)

    def send(self, messages: Sequence[OutgoingMessage]) -> None:
        """Publish messages that were just committed."""
        if len(self._waiting) + len(messages) > MAX_QUEUED:
            self._is_behind = True
        else:
            self._waiting.extend(messages)
        self._wake.set()

    def repeat(self, message: OutgoingMessage) -> None:
        """Publish a stored message again, for a camera that sent its frame again."""
        self._published.pop(message.message_id, None)
        self.send([message])

    def withdraw(self, result_id: str) -> None:
        """Publish no PASS of this result from now on: its gate could take it for another part's."""
        _remember(self._ambiguous, result_id, None)

    def expect(self, result_id: str, due_s: float) -> None:
        """Publish no PASS of this result after `due_s` of time.monotonic(), however the machine's clock is set."""
        _remember(self._due_s, result_id, due_s)

    async def run(self) -> None:
        """Publish until cancelled; then confirm what was on its way."""
        confirming = asyncio.create_task(self._confirm_forever())
        try:
            while True:
                await self._publisher.wait_online()
                self._note_echoes()
                if self._is_behind:
                    await self._catch_up()
                await self._send_waiting()
        finally:
            confirming.cancel()
            await asyncio.gather(*self._publishing.values(), confirming, return_exceptions=True)
            await self._confirm()

    async def flush(self, timeout_s: float) -> None:
        """Wait until everything committed is confirmed. Raises TimeoutError after `timeout_s`."""
        async with asyncio.timeout(timeout_s):
            while self._waiting or self._publishing or self._confirmed:
                await asyncio.sleep(0.01)

    def _note_echoes(self) -> None:
        """Mark messages as published that came back from the broker."""
        for message_id in self._publisher.echoed_ids():
            if message_id not in self._published and message_id not in self._publishing:
                self._done(message_id)

    async def _catch_up(self) -> None:
        """Publish what previous runs and lost connections left in the ledger, oldest first."""
        self._is_behind = False
        try:
            await self._confirm()
            while batch := await self._ledger.unpublished(self.lines, LEDGER_BATCH):
                for message in batch:
                    await self._offer(message)
                await asyncio.gather(*self._publishing.values())
                await self._confirm()
                if self._is_behind:
                    return
        except LedgerError as error:
            log.warning("outbox can't be read: %s", error)
            self._is_behind = True
            await asyncio.sleep(RETRY_S)

    async def _send_waiting(self) -> None:
        self._wake.clear()
        while self._waiting:
            await self._offer(self._waiting.popleft())
        if self._is_behind:
            await asyncio.sleep(RETRY_S)
        else:
            await self._wake.wait()

    async def _offer(self, message: OutgoingMessage) -> None:
        """Publish a message unless the broker has it already; then only confirm it in the ledger."""
        if message.message_id in self._publishing:
            return
        if message.message_id in self._published:
            self._confirmed.append(message.message_id)
            return
        await self._window.acquire()
        task = asyncio.create_task(self._publish(message))
        self._publishing[message.message_id] = task
        task.add_done_callback(lambda _: self._publishing.pop(message.message_id, None))

    async def _publish(self, message: OutgoingMessage) -> None:
        try:
            current, began_s = await self._current(message), loop_time_s()
            await self._publisher.publish(current)
        except (BrokerError, LedgerError) as error:
            its_id = {"result_id": message.message_id}
            log.info("not published yet, stays in the outbox: %s: %s", message.message_id, error, extra=its_id)
            self._is_behind = True
            self._wake.set()
        else:
            self._durations.add(began_s, loop_time_s())
            self._done(message.message_id)
            if message.confirms:
                self._notify(message)
        finally:
            self._window.release()

    async def _current(self, message: OutgoingMessage) -> OutgoingMessage:
        """Return the message, or the fail-safe in place of a PASS that would come late or be taken for another part's.

        The ledger records the withdrawal first. A PASS that was published in time stays in the ledger, but is not
        repeated after its time.
        """
        instead = self._replacement(message)
        if instead is None:
            return await self._consistent(message)
        payload, decision = to_json(instead), fail_safe(instead.disposition, instead.reason, _detail(instead))
        if message.confirms and await self._ledger.withdraw(message.message_id, decision, payload):
            self._on_withdrawn(instead)
            self._withdrawn[report_id(message.message_id)] = instead
        return message._replace(payload=payload)

    def _replacement(self, message: OutgoingMessage) -> VerdictMessage | None:
        """Return the verdict that replaces a PASS which is late or ambiguous; None for any other message."""
        result_id = answered_result(message.message_id)
        if result_id in self._ambiguous:
            return withdraw_if_ambiguous(message.payload)
        transit_s = max(MIN_TRANSIT_S, self._durations.longest_s(loop_time_s()))
        if time.monotonic() + transit_s > self._due_s.get(result_id, math.inf):
            return withdraw_as_late(message.payload)
        return withdraw_if_late(message.payload, utc_now() + timedelta(seconds=transit_s))

    async def _consistent(self, message: OutgoingMessage) -> OutgoingMessage:
        """Return a report that agrees with its verdict, after that one is published."""
        result_id = reported_result(message.message_id)
        if result_id is not None and (verdict := self._publishing.get(result_id)):
            await asyncio.wait({verdict})
        instead = self._withdrawn.pop(message.message_id, None)
        if instead is None:
            return message
        return message._replace(payload=correct_report(message.payload, to_json(instead), _detail(instead)))

    def _done(self, message_id: str) -> None:
        self._confirmed.append(message_id)
        _remember(self._published, message_id, None)

    async def _confirm_forever(self) -> None:
        while True:
            await asyncio.sleep(CONFIRM_INTERVAL_S)
            await self._confirm()

    async def _confirm(self) -> None:
        """Confirm in the ledger what the broker has; retried while the ledger is away."""
        confirmed, self._confirmed = self._confirmed, []
        if not confirmed:
            return
        try:
            await self._ledger.confirm(confirmed)
        except LedgerError as error:
            log.warning("confirmations wait: %s", error)
            self._confirmed = confirmed + self._confirmed
            await asyncio.sleep(RETRY_S)
        else:
            self._publisher.forget_echoes(confirmed)


def _remember(known: OrderedDict[str, Known], name: str, value: Known) -> None:
    """Add an entry, and drop the oldest ones beyond REMEMBERED_MESSAGES."""
    known[name] = value
    while len(known) > REMEMBERED_MESSAGES:
        known.popitem(last=False)


def _detail(instead: VerdictMessage) -> str:
    return LATE_DETAIL if instead.reason is Reason.DEADLINE else AMBIGUOUS_DETAIL
