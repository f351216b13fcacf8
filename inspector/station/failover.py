"""Retries a job on another replica when its replica fails, and quarantines pictures that crash replicas."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from inspector.errors import PoolError, ReplicaError
from inspector.messages.outgoing import EventSeverity
from inspector.ports.pool import Job, Pool, PoolResult
from inspector.station.event_log import EventLog
from inspector.station.hedging import RETRY_TIME_SHARE
from inspector.station.loop_clock import loop_time_s
from inspector.station.quarantine import PictureQuarantine, sha256_of


class Failover:
    """ports.Pool around another one that tries a job once."""

    def __init__(self, pool: Pool, events: EventLog) -> None:
        self._pool = pool
        self._events = events
        self._quarantine = PictureQuarantine()

    async def judge(self, job: Job) -> PoolResult:
        """Judge the job, at most twice.

        Raises PoolError for a picture that is or becomes quarantined, and when no time is left for the second try.
        """
        if self._quarantine.holds(job.payload):
            raise PoolError(f"picture {sha256_of(job.payload)} is quarantined: model replicas failed over it")
        due_s = loop_time_s() + job.remaining_ms / 1000.0
        try:
            result = await self._pool.judge(job)
        except ReplicaError as error:
            self._add_failure(job, error)
            result = await self._retry(job, due_s)
        self._quarantine.clear(job.payload)
        return result

    async def _retry(self, job: Job, due_s: float) -> PoolResult:
        left_s = due_s - loop_time_s()
        try:
            async with asyncio.timeout(left_s):
                return await self._pool.judge(replace(job, remaining_ms=left_s * 1000.0 * RETRY_TIME_SHARE))
        except TimeoutError as error:
            raise PoolError("a model replica failed, and no other could judge the part in time") from error
        except ReplicaError as error:
            self._add_failure(job, error)
            raise

    def _add_failure(self, job: Job, error: ReplicaError) -> None:
        """Count the failure. Raises PoolError when it quarantines the picture."""
        line, camera = job.key.line, job.key.camera
        self._events.add("REPLICA_FAILED", f"{error} ({job.key})", line=line, camera=camera)
        if not self._quarantine.add_failure(job.payload):
            return
        sha256 = sha256_of(job.payload)
        self._events.add(
            "POISON_FRAME",
            f"two model replicas failed over picture sha256 {sha256} ({job.key}); it gets the fail-safe and is "
            "refused from now on; keep the picture and report it with the model's log",
            line=line,
            camera=camera,
            severity=EventSeverity.ALARM,
        )
        raise PoolError(f"two model replicas failed over this picture: {error}") from error
