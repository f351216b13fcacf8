"""A job whose replica died is tried again on another while there is time; a picture that replicas die of is not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from inspector.errors import PoolError, ReplicaError
from inspector.messages.outgoing import EventSeverity
from inspector.ports.pool import Job, Pool, PoolResult
from inspector.station.monitor import Watch
from inspector.station.quarantine import Quarantine, sha256_of

BACK: Final = 0.9  # of the time left; the rest is for the votes' way back


class SecondTry:
    """ports.Pool in front of another one that tries a job once."""

    def __init__(self, pool: Pool, watch: Watch) -> None:
        self._pool = pool
        self._watch = watch
        self._quarantine = Quarantine()

    async def judge(self, job: Job) -> PoolResult:
        """Raises PoolError for a picture that is quarantined or becomes so, and when time runs out between tries."""
        if self._quarantine.holds(job.payload):
            raise PoolError(f"picture {sha256_of(job.payload)} is quarantined: models died of it")
        due_s = _now_s() + job.remaining_ms / 1000.0
        try:
            judged = await self._pool.judge(job)
        except ReplicaError as error:
            self._strike(job, error)
            judged = await self._again(job, due_s)
        self._quarantine.clear(job.payload)
        return judged

    async def _again(self, job: Job, due_s: float) -> PoolResult:
        left_s = due_s - _now_s()
        try:
            async with asyncio.timeout(left_s):
                return await self._pool.judge(replace(job, remaining_ms=left_s * 1000.0 * BACK))
        except TimeoutError as error:
            raise PoolError("a model replica failed, and no other could judge the part in time") from error
        except ReplicaError as error:
            self._strike(job, error)
            raise

    def _strike(self, job: Job, error: ReplicaError) -> None:
        """Raises PoolError when it was this picture's last."""
        line, camera = job.key.line, job.key.camera
        self._watch.note("REPLICA_FAILED", f"{error} ({job.key})", line=line, camera=camera)
        if not self._quarantine.strike(job.payload):
            return
        sha256 = sha256_of(job.payload)
        self._watch.note(
            "POISON_FRAME",
            f"two model replicas failed over picture sha256 {sha256} ({job.key}); it gets the fail-safe and is "
            "refused from now on; keep it for whoever maintains the model",
            line=line,
            camera=camera,
            severity=EventSeverity.ALARM,
        )
        raise PoolError(f"two model replicas failed over this picture: {error}") from error


def _now_s() -> float:
    return asyncio.get_running_loop().time()
