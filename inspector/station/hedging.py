"""Asks another replica where one gives no sign of life: Ray needs up to half a minute to call a cut node dead."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Final

from inspector.errors import PoolError
from inspector.ports.pool import Job, PoolResult, ReplicaPool
from inspector.station.event_log import EventLog
from inspector.station.loop_clock import loop_time_s

MAX_TRIES: Final = 3  # at a time, the first one included
RETRY_TIME_SHARE: Final = 0.9  # of the time left; the rest is for the return of the votes


@dataclass(eq=False, slots=True)
class _Try:
    """One replica that was asked, and when it gave the last sign."""

    task: asyncio.Task[PoolResult] | None = None
    sign_s: float = field(default_factory=loop_time_s)

    def note_sign(self) -> None:
        self.sign_s = loop_time_s()


class HedgedPool:
    """ports.Pool over replicas: the first answer wins, the other tries are cancelled."""

    def __init__(self, pool: ReplicaPool, events: EventLog) -> None:
        self._pool = pool
        self._events = events

    async def judge(self, job: Job) -> PoolResult:
        """Judge the job. Raises the error of the last try where all fail."""
        due_s = loop_time_s() + job.remaining_ms / 1000.0
        limit_s = job.silence_s
        tries = [self._start(job)]
        try:
            while True:
                if ended := await _first_ended(tries, limit_s if _may_hedge(tries, limit_s, due_s) else None):
                    if _is_last_word(ended, tries):
                        return await ended
                    tries = [each for each in tries if each.task is not ended]
                elif loop_time_s() - max(each.sign_s for each in tries) >= limit_s:
                    self._report(job, limit_s)
                    tries.append(self._start(_shortened(job, due_s)))
        finally:
            for each in tries:
                if each.task is not None:
                    each.task.cancel()

    def _start(self, job: Job) -> _Try:
        started = _Try()
        started.task = asyncio.create_task(self._pool.judge(job, started.note_sign))
        return started

    def _report(self, job: Job, limit_s: float) -> None:
        text = f"no sign from a model replica for {limit_s:.1f} s; another one is asked ({job.key})"
        self._events.add("REPLICA_SILENT", text, line=job.key.line, camera=job.key.camera)


async def _first_ended(tries: list[_Try], limit_s: float | None) -> asyncio.Task[PoolResult] | None:
    """Return the task that ends first; None after a silence of `limit_s`."""
    timeout_s = None if limit_s is None else limit_s - (loop_time_s() - max(each.sign_s for each in tries))
    tasks = {each.task for each in tries if each.task is not None}
    done, _ = await asyncio.wait(
        tasks, timeout=None if timeout_s is None else max(0.0, timeout_s), return_when=asyncio.FIRST_COMPLETED
    )
    return next(iter(sorted(done, key=_has_failed)), None)


def _has_failed(task: asyncio.Task[PoolResult]) -> bool:
    return task.cancelled() or task.exception() is not None


def _is_last_word(ended: asyncio.Task[PoolResult], tries: list[_Try]) -> bool:
    """Whether this task's answer or error is the job's: an error is not while another try runs."""
    return not isinstance(ended.exception(), PoolError) or len(tries) == 1


def _may_hedge(tries: list[_Try], limit_s: float, due_s: float) -> bool:
    return len(tries) < MAX_TRIES and due_s - loop_time_s() > limit_s


def _shortened(job: Job, due_s: float) -> Job:
    return replace(job, remaining_ms=(due_s - loop_time_s()) * 1000.0 * RETRY_TIME_SHARE)
