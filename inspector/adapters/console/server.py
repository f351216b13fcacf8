"""The console's web server, on a port of its own and on the event loop that starts it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

import uvicorn
from fastapi import FastAPI

START_TIMEOUT_S = 20.0


class RunningConsole:
    """The console's web server from `start` to `close`, as a `pool.builder.Runnable`.

    `close` ends with `release`, which frees the resources that the application uses. `proxies` are the addresses whose
    X-Forwarded headers are believed.
    """

    def __init__(
        self,
        app: FastAPI,
        host: str,
        port: int,
        release: Callable[[], None] = lambda: None,
        proxies: Sequence[str] = (),
    ) -> None:
        config = uvicorn.Config(
            app,
            host,
            port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
        )
        self._server = uvicorn.Server(config)
        self._serving: asyncio.Task[None] | None = None
        self._address = f"{host}:{port}"
        self._release = release

    async def start(self) -> None:
        """Return when requests are answered. Raises OSError if the address can't be taken."""
        self._serving = asyncio.create_task(self._serve())
        async with asyncio.timeout(START_TIMEOUT_S):
            while not self._server.started:
                if self._serving.done():
                    raise OSError(f"{self._address} can't be served; is the port taken?") from self._serving.exception()
                await asyncio.sleep(0.05)

    async def _serve(self) -> None:
        """Run uvicorn. It exits the process if it can't bind; here that ends only the task."""
        with contextlib.suppress(SystemExit):
            await self._server.serve()

    def check(self) -> None:
        """Raise OSError if the server has ended by itself."""
        if self._serving is None or self._serving.done():
            raise OSError(f"the console's server on {self._address} has ended")

    async def close(self) -> None:
        self._server.should_exit = True
        if self._serving:
            await self._serving
        await asyncio.to_thread(self._release)
