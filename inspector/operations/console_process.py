"""A console in a process of its own, as in the service, for measurements: it can be watched, and killed."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import socket
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from typing import Final

import httpx

from inspector.bootstrap.console import open_console
from inspector.errors import InspectorError, PoolError
from inspector.ports.pool import Job, PoolResult, SignListener, ignore_sign
from inspector.settings import Settings

START_TIMEOUT_S: Final = 60.0


class NoReplicas:
    """`ports.ReplicaPool` of a console without models."""

    async def judge(self, job: Job, on_sign: SignListener = ignore_sign) -> PoolResult:
        del job, on_sign
        raise PoolError("this benchmark runs no model")


def own_port(settings: Settings) -> Settings:
    """Return settings of a console on a free port of this machine's loopback, where no login is asked for."""
    own = {"console_host": "127.0.0.1", "console_port": _free_port(), "login": "off"}
    return settings.model_copy(update=own)


@contextlib.contextmanager
def console_process(settings: Settings) -> Iterator[BaseProcess]:
    """Run the console of these settings until the block ends."""
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(settings,), daemon=True)
    process.start()
    try:
        _await_console(settings, process.is_alive)
        yield process
    finally:
        process.terminate()
        process.join(10.0)


def _serve(settings: Settings) -> None:
    asyncio.run(_serve_for_ever(settings))


async def _serve_for_ever(settings: Settings) -> None:
    await open_console(settings, NoReplicas(), "bench")
    await asyncio.Event().wait()


def _await_console(settings: Settings, is_alive: Callable[[], bool]) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while is_alive() and time.monotonic() < until:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{settings.console_url}health/live").is_success:
                return
        time.sleep(0.2)
    raise InspectorError(f"the console did not start on port {settings.console_port}; see {settings.logs}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
