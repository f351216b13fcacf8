"""Whether the model's server can be used now, as parts and the replicas show it."""

from __future__ import annotations

import asyncio
import math
from typing import Final

from inspector.messages.outgoing import EventSeverity
from inspector.ports.pool import Job, ModelStatus, Pool, PoolResult
from inspector.station.event_log import EventLog
from inspector.station.loop_clock import loop_time_s
from inspector.text import one_line, shortened

POLL_S: Final = 1.0  # between questions to the replicas
POLL_TIMEOUT_S: Final = 5.0  # replicas that do not say within this time say nothing
BACK_AFTER_S: Final = 2.0  # without a fault: a server that refuses some requests is not back between them
NEW_CAUSE_S: Final = 60.0  # between alarms of one outage whose cause changes: a server may word each refusal anew
MAX_CAUSE: Final = 400  # characters of the server's words
REMEDY: Final = "parts get the fail-safe until it answers; its clients need no restart"


class ModelState:
    """ports.Pool around another one. `cause` says why the server can't be used; None while it can."""

    def __init__(self, pool: Pool, status: ModelStatus, events: EventLog) -> None:
        self._pool = pool
        self._status = status
        self._events = events
        self._since_s = self._fault_s = self._reported_s = -math.inf
        self._reported = ""
        self._parts = 0
        self.cause: str | None = None

    async def judge(self, job: Job) -> PoolResult:
        """Judge the job, and learn from it whether the server answers."""
        result = await self._pool.judge(job)
        if result.judgement.server_fault is not None:
            self._parts += 1
            self._set_away(result.judgement.detail)
        elif result.judgement.votes:
            self._set_back()
        return result

    async def run(self) -> None:
        """Ask the replicas from time to time until cancelled: without parts nobody else would notice."""
        while True:
            await asyncio.sleep(POLL_S)
            await self.poll()

    async def poll(self) -> None:
        """Ask one replica about the server."""
        try:
            async with asyncio.timeout(POLL_TIMEOUT_S):
                fault = await self._status.server_fault()
        except TimeoutError:
            return
        if fault is None:
            self._set_back()
        else:
            self._set_away(fault)

    def _set_away(self, words: str) -> None:
        now_s, cause = loop_time_s(), shortened(one_line(words), MAX_CAUSE)
        is_new = self.cause is None
        is_due = is_new or (cause != self._reported and now_s - self._reported_s >= NEW_CAUSE_S)
        self.cause, self._fault_s = cause, now_s
        self._since_s = now_s if is_new else self._since_s
        if is_due:
            self._reported, self._reported_s = cause, now_s
            self._events.add("MODEL_AWAY", f"{cause}; {REMEDY}", severity=EventSeverity.ALARM)

    def _set_back(self) -> None:
        now_s = loop_time_s()
        if self.cause is None or now_s - self._fault_s < BACK_AFTER_S:
            return
        self._events.add(
            "MODEL_BACK",
            f"the model's server answers again after {now_s - self._since_s:.0f} s; {self._parts} part(s) got the "
            "fail-safe meanwhile",
            severity=EventSeverity.INFO,
        )
        self.cause, self._parts = None, 0
