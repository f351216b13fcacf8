"""ports.Pool over a Ray Serve handle: one streaming call per frame brings the verdict first, the report after."""

from __future__ import annotations

import asyncio
from typing import Any

from ray.exceptions import RayActorError, RayError
from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentHandle

from inspector.adapters.serving.job_codec import JobEncoder
from inspector.adapters.serving.signs_of_life import SignOfLife
from inspector.domain.report import Words, WordsState
from inspector.errors import PoolError, PoolOverload, ReplicaError
from inspector.ports.pool import Job, Judgement, PoolResult, ShadowResult, SignListener, ignore_sign


class RayPool:
    """The model replicas behind one handle."""

    def __init__(self, handle: DeploymentHandle) -> None:
        self._encoder = JobEncoder()
        self._handle = handle.options(stream=True, method_name="judge")
        self._status = handle.options(method_name="server_fault")
        self._question = handle.options(method_name="answer")

    async def wait_until_it_answers(self) -> None:
        """Wait until a replica runs, however long its model loads."""
        await self._question.remote()

    async def judge(self, job: Job, on_sign: SignListener = ignore_sign) -> PoolResult:
        """Ask one replica, once. Waits while none is alive: Serve replaces dead ones."""
        stream = self._handle.remote(self._encoder.pack(job))
        try:
            return _judged(await _first(stream, on_sign), stream)
        except BackPressureError as error:
            raise PoolOverload("every model replica is busy") from error
        except RayActorError as error:
            raise ReplicaError("a model replica died while judging") from error
        except (RayError, StopAsyncIteration) as error:
            raise ReplicaError(f"a model replica failed: {_reason(error)}") from error
        except asyncio.CancelledError:
            stream.cancel()
            raise

    async def server_fault(self) -> str | None:
        """Ask one replica. A busy or dead one says nothing."""
        try:
            fault = await self._status.remote()
        except (BackPressureError, RayError):
            return None
        return fault if isinstance(fault, str) else None


async def _first(stream: Any, on_sign: SignListener) -> Judgement:
    while isinstance(outcome := await anext(stream), SignOfLife):
        on_sign()
    if not isinstance(outcome, Judgement):
        raise PoolError(f"the model replica sent {type(outcome).__name__} before a judgement")
    return outcome


def _judged(judgement: Judgement, stream: Any) -> PoolResult:
    words = asyncio.get_running_loop().create_future()
    return PoolResult(judgement, words, asyncio.create_task(_last(stream, words)))


async def _last(stream: Any, words: asyncio.Future[Words | None]) -> ShadowResult | None:
    """Read the stream to its end: until then Serve counts the call against its replica.

    The report is delivered before the rest has arrived.
    """
    written, shadow = None, None
    try:
        async for outcome in stream:
            if isinstance(outcome, ShadowResult):
                shadow = outcome
            else:
                written = outcome
                _notify(words, written)
    except RayError as error:
        written = Words(WordsState.MISSING, raw=f"the model replica stopped while writing: {_reason(error)}")
    finally:
        _notify(words, written)
    return shadow


def _notify(words: asyncio.Future[Words | None], written: Words | None) -> None:
    """Deliver the report unless one was delivered, or its waiter was cancelled."""
    if not words.done():
        words.set_result(written)


def _reason(error: Exception) -> str:
    """Return the last line of a remote traceback, which names the error."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else type(error).__name__
