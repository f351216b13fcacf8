"""Queue in front of the model pool: admits parts by deadline and refuses at once those that would come too late.

Doubt never becomes PASS in an overload: where only the first rung was asked, its votes settle as those of the whole
ladder would, and undecided parts get the fail-safe.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Final

from inspector.errors import PoolOverload
from inspector.messages.outgoing import EventSeverity
from inspector.ports.pool import Job, Pool, PoolResult
from inspector.station.admission import OVERLOAD_OVER_S, Admission, AdmissionResult, Ticket
from inspector.station.event_log import EventLog
from inspector.station.loop_clock import loop_time_s

FIRST_RUNG_ONLY: Final = "first rung only"
NOT_JUDGED: Final = "not judged"
RECHECK_S: Final = 1.0


class AdmissionQueue:
    """ports.Pool around another one that judges up to `slots` parts at once. Belongs to one event loop."""

    def __init__(self, pool: Pool, events: EventLog, slots: int) -> None:
        self._pool = pool
        self._events = events
        self._admission = Admission(slots)
        self._admitted: dict[Ticket, asyncio.Future[None]] = {}
        self._overloaded_since_s: float | None = None
        self._affected: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        """The number of parts that are not admitted yet."""
        return len(self._admitted)

    async def judge(self, job: Job) -> PoolResult:
        """Judge the job once it is admitted.

        Raises PoolOverload as soon as earlier parts leave no time for this one.
        """
        ticket = Ticket(
            loop_time_s() + job.remaining_ms / 1000.0, len(job.pipeline.ladder), (job.key.line, job.key.camera)
        )
        learn = False
        try:
            await self._wait(ticket)
            result = await self._pool.judge(_limited(job, ticket))
            learn = result.judgement.server_fault is None
        except asyncio.CancelledError:
            learn = True  # the part took at least this long
            raise
        finally:
            self._apply(self._admission.leave(ticket, loop_time_s(), learn=learn))
        return result._replace(judgement=replace(result.judgement, is_short=True)) if ticket.is_short else result

    async def _wait(self, ticket: Ticket) -> None:
        admitted = self._admitted[ticket] = asyncio.get_running_loop().create_future()
        try:
            self._apply(self._admission.enter(ticket, loop_time_s()))
            await admitted
        finally:
            del self._admitted[ticket]

    def _apply(self, result: AdmissionResult) -> None:
        for ticket in result.admitted:
            self._affected[FIRST_RUNG_ONLY] += ticket.is_short
            _resolve(self._admitted.get(ticket), None)
        for ticket in result.refused:
            self._affected[NOT_JUDGED] += 1
            _resolve(self._admitted.get(ticket), self._refusal())
        if self._admission.is_overloaded and self._overloaded_since_s is None:
            self._report_overload()

    def _refusal(self) -> Exception:
        if self._admission.is_overloaded:
            return PoolOverload("too many parts wait before it to be judged in time")
        return TimeoutError("too little time is left to judge it")

    # ------------------------------------------------------------------ one event at its begin, one at its end

    def _report_overload(self) -> None:
        self._overloaded_since_s = loop_time_s()
        self._events.add(
            "OVERLOAD",
            "overload: only the first rung is asked; undecided or late parts get the fail-safe; slow the line, shorten "
            "ladders or add replicas",
            severity=EventSeverity.ALARM,
        )
        asyncio.get_running_loop().call_later(OVERLOAD_OVER_S, self._report_end)

    def _report_end(self) -> None:
        self._admission.update(loop_time_s())
        if self._admission.is_overloaded or self._overloaded_since_s is None:
            asyncio.get_running_loop().call_later(RECHECK_S, self._report_end)
            return
        lasted_s, self._overloaded_since_s = loop_time_s() - self._overloaded_since_s, None
        self._events.add(
            "OVERLOAD_OVER",
            f"overload over after {lasted_s:.0f} s: {self._affected[FIRST_RUNG_ONLY]} part(s) had the first rung only, "
            f"{self._affected[NOT_JUDGED]} were not judged",
            severity=EventSeverity.INFO,
        )
        self._affected.clear()


def _limited(job: Job, ticket: Ticket) -> Job:
    """Return the job with the time that is left, and with its first rung only in an overload."""
    remaining_ms = (ticket.due_s - loop_time_s()) * 1000.0
    return replace(job, remaining_ms=remaining_ms, max_rungs=1 if ticket.is_short else None)


def _resolve(admitted: asyncio.Future[None] | None, refusal: Exception | None) -> None:
    """Wake the waiting task, unless it was cancelled meanwhile."""
    if admitted is None or admitted.done():
        return
    if refusal is None:
        admitted.set_result(None)
    else:
        admitted.set_exception(refusal)
