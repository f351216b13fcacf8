"""ports.Pool over a Ray Serve handle: one streaming call a frame carries the verdict first, the words after."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentHandle

from inspector.errors import PoolError, PoolOverload
from inspector.pool.parcel import Packer
from inspector.ports import Job, Judged, Judgement
from inspector.report import Words, WordsState

log = logging.getLogger(__name__)

ATTEMPTS: Final = 2  # a frame that killed two replicas is the likely cause: it is not tried on a third


class RayPool:
    """The model replicas behind one handle."""

    def __init__(self, handle: DeploymentHandle) -> None:
        self._packer = Packer()
        self._handle = handle.options(stream=True, method_name="judge")

    async def judge(self, job: Job) -> Judged:
        """A replica that dies is replaced by another while the caller waits, at most ATTEMPTS times."""
        problem, parcel = None, self._packer.pack(job)
        for _ in range(ATTEMPTS):
            stream = self._handle.remote(parcel)
            try:
                return Judged(await _first(stream), asyncio.create_task(_last(stream)))
            except BackPressureError as error:
                raise PoolOverload("every model replica is busy") from error
            except RayActorError as error:
                log.warning("replica died while judging %s", job.key)
                problem = error
            except (RayTaskError, RayError, StopAsyncIteration) as error:
                raise PoolError(f"the model replica failed: {_reason(error)}") from error
            except asyncio.CancelledError:
                stream.cancel()
                raise
        raise PoolError(f"{ATTEMPTS} model replicas died while judging this frame") from problem


async def _first(stream: Any) -> Judgement:
    outcome = await anext(stream)
    if not isinstance(outcome, Judgement):
        raise PoolError(f"the model replica sent {type(outcome).__name__} before a judgement")
    return outcome


async def _last(stream: Any) -> Words | None:
    """Reads the stream to its end in any case: until then Serve counts the call against its replica."""
    words = None
    try:
        async for outcome in stream:
            words = outcome
    except RayError as error:
        return Words(WordsState.MISSING, raw=f"the model replica stopped while writing: {_reason(error)}")
    return words


def _reason(error: Exception) -> str:
    """The last line of a remote traceback: what a person can use."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else type(error).__name__
