"""Gets every stored message to the broker: at once after its commit, and again after any failure. At least once,
in order; the ledger is the queue, memory only a short cut to it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from inspector.domain.decision import Reason, fail_safe
from inspector.errors import BrokerError, LedgerError
from inspector.messages.outgoing import VerdictMessage, to_json
from inspector.messages.withdrawal import correct_report, report_id, reported_result, withdraw_if_late
from inspector.ports.broker import OutgoingMessage, Publisher
from inspector.ports.ledger import Ledger
from inspector.station.time_reserve import Ways
from inspector.utc import utc_now

log = logging.getLogger(__name__)

WINDOW: Final = 64  # messages on their way at once: hides the broker's round trip, keeps repeats after a cut few
BATCH: Final = 500
SHORT_CUT: Final = 5_000  # messages waiting in memory; beyond that they wait in the ledger alone
MEMORY: Final = 20_000  # ids remembered as published, so that a sweep that overlaps them repeats none
RETRY_S: Final = 0.5
WITHDRAWN: Final = "found good in time, but the broker could not be told until the gate had acted without it"
LEAST_WAY_S: Final = 0.02  # kept for a message's way, however short the last ones were
CONFIRM_S: Final = 0.1  # confirmations share a transaction; until then the echo on the broker knows


class Relay:
    """Publishes what the ledger holds for `lines` (None: all lines). `ways` learns how long messages take to the
    broker; `tell` hears of every verdict that it has, `withdrew` of every PASS that it did not get in time."""

    def __init__(
        self,
        ledger: Ledger,
        publisher: Publisher,
        lines: Sequence[str] | None = None,
        *,
        ways: Ways | None = None,
        tell: Callable[[OutgoingMessage], None] = lambda _: None,
        withdrew: Callable[[VerdictMessage], None] = lambda _: None,
    ) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self.lines = lines
        self._tell = tell
        self._withdrew = withdrew
        self._waiting: deque[OutgoingMessage] = deque()
        self._handled: OrderedDict[str, None] = OrderedDict()
        self._withdrawn: dict[str, VerdictMessage] = {}  # by the report that still says PASS
        self._confirmed: list[str] = []
        self._ways = ways or Ways()
        self._behind = True
        self._wake = asyncio.Event()
        self._window = asyncio.Semaphore(WINDOW)
        self._under_way: dict[str, asyncio.Task[None]] = {}

    @property
    def backlog(self) -> int:
        """Messages in memory that the broker has not confirmed."""
        return len(self._waiting) + len(self._under_way)

    def send(self, messages: Sequence[OutgoingMessage]) -> None:
        """Publishes messages that were just committed."""
        if len(self._waiting) + len(messages) > SHORT_CUT:
            self._behind = True
        else:
            self._waiting.extend(messages)
        self._wake.set()

    def repeat(self, message: OutgoingMessage) -> None:
        """Publishes a stored message again, for a camera that sent its frame again."""
        self._handled.pop(message.message_id, None)
        self.send([message])

    async def run(self) -> None:
        """Publishes until cancelled; what was under way then is confirmed first."""
        confirming = asyncio.create_task(self._confirm_forever())
        try:
            while True:
                await self._publisher.wait_online()
                self._note_echoes()
                if self._behind:
                    await self._catch_up()
                await self._send_waiting()
        finally:
            confirming.cancel()
            await asyncio.gather(*self._under_way.values(), confirming, return_exceptions=True)
            await self._confirm()

    async def flush(self, timeout_s: float) -> None:
        """Waits until everything committed has been confirmed, at most `timeout_s`."""
        async with asyncio.timeout(timeout_s):
            while self._waiting or self._under_way or self._confirmed:
                await asyncio.sleep(0.01)

    def _note_echoes(self) -> None:
        """What the broker proves to have is not published again."""
        for message_id in self._publisher.echoed_ids():
            if message_id not in self._handled and message_id not in self._under_way:
                self._done(message_id)

    async def _catch_up(self) -> None:
        """Publishes what earlier lives and lost connections left in the ledger, oldest first."""
        self._behind = False
        try:
            await self._confirm()
            while batch := await self._ledger.unpublished(self.lines, BATCH):
                for message in batch:
                    await self._offer(message)
                await asyncio.gather(*self._under_way.values())
                await self._confirm()
                if self._behind:
                    return
        except LedgerError as error:
            log.warning("outbox can't be read: %s", error)
            self._behind = True
            await asyncio.sleep(RETRY_S)

    async def _send_waiting(self) -> None:
        self._wake.clear()
        while self._waiting:
            await self._offer(self._waiting.popleft())
        if self._behind:
            await asyncio.sleep(RETRY_S)
        else:
            await self._wake.wait()

    async def _offer(self, message: OutgoingMessage) -> None:
        """Publishes a message unless the broker has it already; then only the ledger has to be told."""
        if message.message_id in self._under_way:
            return
        if message.message_id in self._handled:
            self._confirmed.append(message.message_id)
            return
        await self._window.acquire()
        task = asyncio.create_task(self._publish(message))
        self._under_way[message.message_id] = task
        task.add_done_callback(lambda _: self._under_way.pop(message.message_id, None))

    async def _publish(self, message: OutgoingMessage) -> None:
        try:
            true, began_s = await self._still_true(message), time.monotonic()
            await self._publisher.publish(true)
        except (BrokerError, LedgerError) as error:
            its_id = {"result_id": message.message_id}
            log.info("not published yet, stays in the outbox: %s: %s", message.message_id, error, extra=its_id)
            self._behind = True
            self._wake.set()
        else:
            self._ways.add(began_s, time.monotonic())
            self._done(message.message_id)
            if message.confirms:
                self._tell(message)
        finally:
            self._window.release()

    async def _still_true(self, message: OutgoingMessage) -> OutgoingMessage:
        """The message, or what the gate is told in place of a PASS that waited here until it acted without it, or would
        by the time that the broker has it. The ledger says so first. A verdict that was published in time stays what it
        was when it is asked for again."""
        there = utc_now() + timedelta(seconds=max(LEAST_WAY_S, self._ways.longest_s(time.monotonic())))
        instead = withdraw_if_late(message.payload, there)
        if instead is None:
            return await self._in_step(message)
        payload, decision = to_json(instead), fail_safe(instead.disposition, Reason.DEADLINE, WITHDRAWN)
        if message.confirms:
            if not await self._ledger.withdraw(message.message_id, decision, payload):
                return message
            self._withdrew(instead)
            self._withdrawn[report_id(message.message_id)] = instead
        return message._replace(payload=payload)

    async def _in_step(self, message: OutgoingMessage) -> OutgoingMessage:
        """A report says what its verdict says."""
        result_id = reported_result(message.message_id)
        if result_id is not None and (verdict := self._under_way.get(result_id)):
            await asyncio.wait({verdict})
        instead = self._withdrawn.pop(message.message_id, None)
        if instead is None:
            return message
        return message._replace(payload=correct_report(message.payload, to_json(instead), WITHDRAWN))

    def _done(self, message_id: str) -> None:
        self._confirmed.append(message_id)
        self._handled[message_id] = None
        while len(self._handled) > MEMORY:
            self._handled.popitem(last=False)

    async def _confirm_forever(self) -> None:
        while True:
            await asyncio.sleep(CONFIRM_S)
            await self._confirm()

    async def _confirm(self) -> None:
        """Notes in the ledger what the broker has; kept for the next try when the ledger is away."""
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
