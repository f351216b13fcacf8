"""Brings pictures that wait on this machine to their store, and says so when the store is away or back."""

from __future__ import annotations

import asyncio
from typing import Final

from inspector.messages.outgoing import EventSeverity
from inspector.ports.evidence import EvidenceSpool, SpoolState
from inspector.station.event_log import EventLog
from inspector.station.loop_clock import loop_time_s

POLL_S: Final = 1.0
BUSY_POLL_S: Final = 0.05  # while pictures wait and the store takes them
KEPT: Final = "pictures are kept on this machine until it takes them"
FULL: Final = "the spool is full: parts get the fail-safe; raise INSPECTOR_EVIDENCE_SPOOL_MIB"


class EvidenceCatchUp:
    """Watches one spool. `is_away` from the first picture that the store did not take until none waits any more."""

    def __init__(self, spool: EvidenceSpool, events: EventLog) -> None:
        self._spool = spool
        self._events = events
        self._since_s = 0.0
        self._most = 0
        self.is_away = False

    async def run(self) -> None:
        """Catch up until cancelled."""
        while True:
            state = await self.step()
            await asyncio.sleep(BUSY_POLL_S if state.pictures and not state.fault else POLL_S)

    async def step(self) -> SpoolState:
        """Bring some pictures to the store, and report what changed."""
        state = await asyncio.to_thread(self._spool.catch_up)
        self._most = max(self._most, state.pictures)
        if state.is_full:
            self._events.add("EVIDENCE_AWAY", f"{state.fault}; {FULL}", severity=EventSeverity.ALARM)
        if state.fault and not self.is_away:
            self._set_away(state.fault)
        elif self.is_away and not state.fault and not state.pictures:
            self._set_back()
        return state

    def _set_away(self, fault: str) -> None:
        self.is_away, self._since_s = True, loop_time_s()
        self._events.add("EVIDENCE_AWAY", f"{fault}; {KEPT}", severity=EventSeverity.ALARM)

    def _set_back(self) -> None:
        outage_s = loop_time_s() - self._since_s
        text = f"the store has all pictures again after {outage_s:.0f} s; at most {self._most} waited"
        self._events.add("EVIDENCE_BACK", text, severity=EventSeverity.INFO)
        self.is_away, self._most = False, 0
