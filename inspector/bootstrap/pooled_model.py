"""The model replicas as people's tools use them: one judgement, without words and shadow votes."""

from __future__ import annotations

import asyncio

from inspector.errors import PoolOverload
from inspector.ports.pool import Job, Judgement, ReplicaPool


class PooledModel:
    """`ports.ChallengeModel` over the replicas that judge the lines' frames."""

    def __init__(self, pool: ReplicaPool) -> None:
        self._pool = pool

    async def judge(self, job: Job) -> Judgement:
        """Climb the ladder. Raises PoolOverload where that takes longer than the job has time, else PoolError."""
        try:
            async with asyncio.timeout(job.remaining_ms / 1000.0):
                return (await self._pool.judge(job)).judgement
        except TimeoutError as error:
            raise PoolOverload("no model replica answered in time; repeat the test shot later") from error
