"""Counts the frames that model replicas have."""

from __future__ import annotations

from inspector.ports.pool import Job, Pool, PoolResult
from inspector.station.part_states import StateListener, ignore_state, judging


class JudgingCounter:
    """ports.Pool around another one. `judging` frames are with a replica; `notify` gets each as it is sent."""

    def __init__(self, pool: Pool, notify: StateListener = ignore_state) -> None:
        self._pool = pool
        self._notify = notify
        self.judging = 0

    async def judge(self, job: Job) -> PoolResult:
        self._notify(judging(job.key))
        self.judging += 1
        try:
            return await self._pool.judge(job)
        finally:
            self.judging -= 1
