"""Feedback from gate and PLC: stores acknowledgements and counts, and raises events where they differ from the ledger.

Feedback is stored before its message is acknowledged. While the ledger is away a verdict goes out before its part is
stored, so a gate may acknowledge a part that the ledger does not know yet: such acknowledgements are tried again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Final, NamedTuple, TypeVar

from inspector.domain.declared import Disposition
from inspector.domain.reconciliation import Ack, CountComparison, MissingAck, TriggerCount
from inspector.errors import LedgerError
from inspector.messages.outgoing import EventSeverity
from inspector.ports.ledger import GateStore
from inspector.station.event_log import EventLog
from inspector.station.part_states import StateListener, acknowledged, ignore_state
from inspector.utc import utc_now

log = logging.getLogger(__name__)

Result = TypeVar("Result")

CHECK_INTERVAL_S: Final = 1.0
LEDGER_RETRY_S: Final = 0.5
EARLY_ACK_TIMEOUT_S: Final = 10.0  # a part is stored at most this long after its acknowledgement
MAX_EARLY_ACKS: Final = 1_000
COUNT_SETTLING_TIME: Final = timedelta(seconds=30)  # frames that a PLC counted may still be on their way


class EarlyAck(NamedTuple):
    """An acknowledgement of a part that the ledger does not know; given up at `until_s`."""

    ack: Ack
    until_s: float


class GateFeedback:
    """Receives what gates and PLCs of `lines` report (None: all lines)."""

    def __init__(
        self,
        ledger: GateStore,
        events: EventLog,
        lines: Sequence[str] | None = None,
        *,
        notify: StateListener = ignore_state,
    ) -> None:
        self._ledger = ledger
        self._events = events
        self.lines = lines
        self._notify = notify
        self._early_acks: deque[EarlyAck] = deque(maxlen=MAX_EARLY_ACKS)

    async def on_ack(self, ack: Ack) -> None:
        """Return once the acknowledgement is stored, or queued because the ledger does not know its part."""
        wanted = await _stored(lambda: self._ledger.acknowledge(ack))
        if wanted is None:
            self._early_acks.append(EarlyAck(ack, time.monotonic() + EARLY_ACK_TIMEOUT_S))
        else:
            self._accept(ack, wanted)

    async def on_count(self, count: TriggerCount) -> None:
        """Return once the count is stored; it is compared after COUNT_SETTLING_TIME."""
        await _stored(lambda: self._ledger.add_count(count))

    async def run(self) -> None:
        """Check for overdue acknowledgements and due counts until cancelled."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL_S)
            try:
                await self.check()
            except LedgerError as error:
                log.warning("gates and counts wait: %s", error)

    async def check(self) -> None:
        """Check once. Raises LedgerError; the next check then continues."""
        await self._retry_early_acks()
        now = utc_now()
        overdue = await self._ledger.unacknowledged(self.lines, now)
        for line, verdicts in groupby(overdue, key=lambda verdict: verdict.key.line):
            self._report_missing(line, list(verdicts))
        for comparison in await self._ledger.compare_counts(self.lines, now - COUNT_SETTLING_TIME):
            if comparison.difference:
                self._report_count(comparison)

    async def _retry_early_acks(self) -> None:
        for _ in range(len(self._early_acks)):
            early = self._early_acks[0]
            wanted = await self._ledger.acknowledge(early.ack)
            self._early_acks.popleft()
            if wanted is not None:
                self._accept(early.ack, wanted)
            elif time.monotonic() < early.until_s:
                self._early_acks.append(early)
            else:
                text = f"the gate acknowledges {early.ack.name}, never decided; check its trigger_id or result_id"
                self._events.add("ACK_UNKNOWN", text, line=early.ack.key.line, camera=early.ack.key.camera)

    def _accept(self, ack: Ack, wanted: Disposition) -> None:
        self._notify(acknowledged(ack))
        if wanted is not ack.disposition:
            self._report_difference(ack, wanted)

    def _report_difference(self, ack: Ack, wanted: Disposition) -> None:
        self._events.add(
            "GATE_DIFFERS",
            f"{ack.name}: the verdict was {wanted}, the gate reports {ack.disposition}; find that part",
            line=ack.key.line,
            camera=ack.key.camera,
            severity=EventSeverity.ALARM,
        )

    def _report_missing(self, line: str, verdicts: list[MissingAck]) -> None:
        first = verdicts[0]
        self._events.add(
            "ACK_MISSING",
            f"{len(verdicts)} verdict(s) not acknowledged within {first.ack_within_ms:g} ms, the first "
            f"{first.key}; check the gate",
            line=line,
            severity=EventSeverity.ALARM,
        )

    def _report_count(self, comparison: CountComparison) -> None:
        counted, decided, lost = comparison
        self._events.add(
            "COUNT_DIFFERS",
            f"the PLC counted {counted.triggers} trigger(s) from {counted.since.isoformat()} to "
            f"{counted.until.isoformat()}, the ledger holds {decided} decided and {lost} lost; see: inspector ledger",
            line=counted.line,
            camera=counted.camera,
            severity=EventSeverity.ALARM,
        )


async def _stored(store: Callable[[], Awaitable[Result]]) -> Result:
    """Retry until the ledger is back; meanwhile the message waits on the broker."""
    while True:
        try:
            return await store()
        except LedgerError as error:
            log.warning("feedback waits for the ledger: %s", error)
            await asyncio.sleep(LEDGER_RETRY_S)
