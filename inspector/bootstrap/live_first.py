"""The model replicas for work that can wait: one job at a time, and none while frames of a line wait for a replica."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from inspector.domain.vote import StoppedBy
from inspector.errors import PoolOverload
from inspector.ports.challenge import ChallengeModel
from inspector.ports.metrics import StationStatus
from inspector.ports.pool import Job, Judgement
from inspector.utc import utc_now

LOOK_INTERVAL_S: Final = 0.2  # between two looks at the stations' heartbeats
BUSY_INTERVAL_S: Final = 2.0  # until a job is tried again that no replica could take
HEARD_WITHIN: Final = timedelta(seconds=5)  # an older heartbeat says nothing about now


class LiveFirstModel:
    """`ports.ChallengeModel` that yields to live frames.

    Calls come from any thread; the replicas are asked on `loop`.
    """

    def __init__(
        self,
        model: ChallengeModel,
        stations: Callable[[], Sequence[StationStatus]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._model = model
        self._stations = stations
        self._loop = loop

    async def judge(self, job: Job) -> Judgement:
        """Judge one part once no frame waits for a replica. Raises PoolError where no replica can judge it."""
        while True:
            while self._frames_wait():
                await asyncio.sleep(LOOK_INTERVAL_S)
            try:
                asked = asyncio.run_coroutine_threadsafe(self._model.judge(job), self._loop)
                judgement = await asyncio.wrap_future(asked)
                if not _has_only_waited(job, judgement):
                    return judgement
            except PoolOverload:
                pass
            await asyncio.sleep(BUSY_INTERVAL_S)

    def _frames_wait(self) -> bool:
        since = utc_now() - HEARD_WITHIN
        return any(each.queued for each in self._stations() if each.heard_at > since)


def _has_only_waited(job: Job, judgement: Judgement) -> bool:
    """Return whether the job's time ran out because its replica judged frames of lines meanwhile."""
    judged_ms = judgement.judged_ms
    ran_out = judgement.stopped_by is StoppedBy.DEADLINE
    return ran_out and judged_ms is not None and judged_ms < job.remaining_ms / 2.0
