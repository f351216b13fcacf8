"""Where parts wait before the model pool: called by their deadlines, or told at once that it is too late.

Doubt never becomes PASS by an overload: where only the first rung was asked, the votes settle as those of the whole
ladder would, and what they leave open gets the fail-safe.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Final

from inspector.errors import PoolOverload
from inspector.messages.outgoing import EventSeverity
from inspector.ports.pool import Job, Pool, PoolResult
from inspector.station.admission import CALM_S, Admission, Calls, Place
from inspector.station.monitor import Watch

SHORT: Final = "first rung only"
REFUSED: Final = "unjudged"


class Anteroom:
    """ports.Pool in front of another one, which judges up to `slots` parts at once. Belongs to one event loop."""

    def __init__(self, pool: Pool, watch: Watch, slots: int) -> None:
        self._pool = pool
        self._watch = watch
        self._admission = Admission(slots)
        self._turns: dict[Place, asyncio.Future[None]] = {}
        self._since_s: float | None = None
        self._suffered: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        """Parts that have not had their turn yet."""
        return len(self._turns)

    async def judge(self, job: Job) -> PoolResult:
        """Raises PoolOverload as soon as the part can't be judged in time any more because of those before it."""
        place = Place(_now_s() + job.remaining_ms / 1000.0, len(job.pipeline.ladder))
        learn = False
        try:
            await self._turn(place)
            judged = await self._pool.judge(_cut(job, place))
            learn = True
        except asyncio.CancelledError:
            learn = True  # it took that long at least
            raise
        finally:
            self._obey(self._admission.leave(place, _now_s(), learn=learn))
        return judged._replace(judgement=replace(judged.judgement, is_short=True)) if place.is_short else judged

    async def _turn(self, place: Place) -> None:
        turn = self._turns[place] = asyncio.get_running_loop().create_future()
        try:
            self._obey(self._admission.enter(place, _now_s()))
            await turn
        finally:
            del self._turns[place]

    def _obey(self, calls: Calls) -> None:
        for place in calls.called:
            self._suffered[SHORT] += place.is_short
            _end(self._turns.get(place), None)
        for place in calls.refused:
            self._suffered[REFUSED] += 1
            _end(self._turns.get(place), self._refusal())
        if self._admission.is_overloaded and self._since_s is None:
            self._begin()

    def _refusal(self) -> Exception:
        if self._admission.is_overloaded:
            return PoolOverload("too many parts wait before it to be judged in time")
        return TimeoutError("too little time is left to judge it")

    # ------------------------------------------------------------------ one event when it begins, one when it ends

    def _begin(self) -> None:
        self._since_s = _now_s()
        self._watch.note(
            "OVERLOAD",
            "more parts come than can be judged: only first rungs are asked, what that leaves open and what can't be "
            "in time gets the fail-safe; slow the line, shorten ladders or add replicas",
            severity=EventSeverity.ALARM,
        )
        asyncio.get_running_loop().call_later(CALM_S, self._end)

    def _end(self) -> None:
        self._admission.look(_now_s())
        if self._admission.is_overloaded or self._since_s is None:
            asyncio.get_running_loop().call_later(1.0, self._end)
            return
        lasted_s, self._since_s = _now_s() - self._since_s, None
        told = f"overload over after {lasted_s:.0f} s: {self._suffered[SHORT]} part(s) had the first rung only, "
        self._watch.note("OVERLOAD_OVER", f"{told}{self._suffered[REFUSED]} went unjudged", severity=EventSeverity.INFO)
        self._suffered.clear()


def _cut(job: Job, place: Place) -> Job:
    """The job with the time that is left, and with its first rung only where the pool is overloaded."""
    remaining_ms = (place.due_s - _now_s()) * 1000.0
    return replace(job, remaining_ms=remaining_ms, max_rungs=1 if place.is_short else None)


def _end(turn: asyncio.Future[None] | None, refusal: Exception | None) -> None:
    """Whoever waited may have gone."""
    if turn is None or turn.done():
        return
    if refusal is None:
        turn.set_result(None)
    else:
        turn.set_exception(refusal)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
