"""Hears what gate and PLC say: what became of the parts, and how many there were. Differences are told to a person.

What they say is stored before their message is acknowledged. A gate may be heard before its part is stored (while the
ledger is away the verdict goes out first), so an acknowledgement of an unknown part is tried again for a while.
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
from inspector.ports.ledger import Ledger
from inspector.station.monitor import Watch
from inspector.station.part_states import Tell, acknowledged, nobody
from inspector.utc import utc_now

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

EVERY_S: Final = 1.0
RETRY_S: Final = 0.5
STRAY_S: Final = 10.0  # how long a part may be stored later than its acknowledgement comes
STRAYS: Final = 1_000
SETTLE: Final = timedelta(seconds=30)  # what a PLC counted may still be on its way when the count comes


class Stray(NamedTuple):
    """An acknowledgement of a part that the ledger does not know; given up at `until_s`."""

    ack: Ack
    until_s: float


class Gate:
    """One station's ear for the gates of `lines` (None: all lines)."""

    def __init__(
        self, ledger: Ledger, watch: Watch, lines: Sequence[str] | None = None, *, tell: Tell = nobody
    ) -> None:
        self._ledger = ledger
        self._watch = watch
        self.lines = lines
        self._tell = tell
        self._strays: deque[Stray] = deque(maxlen=STRAYS)

    async def on_ack(self, ack: Ack) -> None:
        """Returns when it is stored, or put aside because nobody knows the part."""
        asked = await _stored(lambda: self._ledger.acknowledge(ack))
        if asked is None:
            self._strays.append(Stray(ack, time.monotonic() + STRAY_S))
        else:
            self._hear(ack, asked)

    async def on_count(self, count: TriggerCount) -> None:
        """Returns when it is stored; it is compared once its frames have had time to arrive."""
        await _stored(lambda: self._ledger.add_count(count))

    async def run(self) -> None:
        """Looks for what is overdue until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.turn()
            except LedgerError as error:
                log.warning("gates and counts wait: %s", error)

    async def turn(self) -> None:
        """Raises LedgerError; what was not looked at then is looked at in the next turn."""
        await self._try_strays()
        now = utc_now()
        overdue = await self._ledger.unacknowledged(self.lines, now)
        for line, verdicts in groupby(overdue, key=lambda verdict: verdict.key.line):
            self._silent(line, list(verdicts))
        for comparison in await self._ledger.compare_counts(self.lines, now - SETTLE):
            if comparison.difference:
                self._miscounted(comparison)

    async def _try_strays(self) -> None:
        for _ in range(len(self._strays)):
            stray = self._strays[0]
            asked = await self._ledger.acknowledge(stray.ack)
            self._strays.popleft()
            if asked is not None:
                self._hear(stray.ack, asked)
            elif time.monotonic() < stray.until_s:
                self._strays.append(stray)
            else:
                text = f"the gate acknowledges {stray.ack.key}, which nobody decided; check its trigger_id"
                self._watch.note("ACK_UNKNOWN", text, line=stray.ack.key.line, camera=stray.ack.key.camera)

    def _hear(self, ack: Ack, asked: Disposition) -> None:
        self._tell(acknowledged(ack))
        if asked is not ack.disposition:
            self._told_otherwise(ack, asked)

    def _told_otherwise(self, ack: Ack, asked: Disposition) -> None:
        self._watch.note(
            "GATE_DIFFERS",
            f"{ack.key}: the verdict was {asked}, the gate says it did {ack.disposition}; find that part",
            line=ack.key.line,
            camera=ack.key.camera,
            severity=EventSeverity.ALARM,
        )

    def _silent(self, line: str, verdicts: list[MissingAck]) -> None:
        first = verdicts[0]
        self._watch.note(
            "ACK_MISSING",
            f"{len(verdicts)} verdict(s) not acknowledged within {first.ack_within_ms:g} ms, the first "
            f"{first.key}; check the gate",
            line=line,
            severity=EventSeverity.ALARM,
        )

    def _miscounted(self, comparison: CountComparison) -> None:
        counted, decided, lost = comparison
        self._watch.note(
            "COUNT_DIFFERS",
            f"the PLC counted {counted.triggers} trigger(s) from {counted.since.isoformat()} to "
            f"{counted.until.isoformat()}, the ledger holds {decided} decided and {lost} lost; see: inspector ledger",
            line=counted.line,
            camera=counted.camera,
            severity=EventSeverity.ALARM,
        )


async def _stored(store: Callable[[], Awaitable[Answer]]) -> Answer:
    """Tries until the ledger is back; meanwhile the message waits on the broker."""
    while True:
        try:
            return await store()
        except LedgerError as error:
            log.warning("a message of gate or PLC waits: %s", error)
            await asyncio.sleep(RETRY_S)
