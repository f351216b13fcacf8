"""Changes things over the REST API without end, in a process to be killed: `python api_writer.py URL FOLDER LIFE`.

Each kind of change runs beside the others. Prints `KIND NAME` once the API has answered that it is stored.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx
from fastapi import FastAPI
from support.console_api import sql_api

from inspector.adapters.ledger import SqlCameraChangeStore

LINE: Final = "/lines/pcb"
PASSWORD: Final = "correct horse battery"
REPEATED: Final = (409, 412, 503)  # another writer was first, or held the database
Answer = Awaitable[httpx.Response]


def writing_api(url: str, folder: Path) -> FastAPI:
    """The API over a database, changes of cameras included."""
    app = sql_api(url, folder)
    services = app.state.services
    app.state.services = replace(services, cameras=replace(services.cameras, store=SqlCameraChangeStore(url)))
    return app


class Writer:
    """One kind of change after the other kind; `life` tells the processes apart."""

    def __init__(self, client: httpx.AsyncClient, life: str) -> None:
        self._client, self._life = client, life

    def review(self, name: str) -> Answer:
        part = int(name.rpartition("-")[2]) % 40
        return self._client.post(f"/parts/pcb-cam1-t{part}/reviews", json={"label": "NG", "review_id": name})

    def user(self, name: str) -> Answer:
        body = {"name": name, "roles": {"*": "VIEWER"}, "password": PASSWORD}
        return self._client.post("/users", json=body)

    def token(self, name: str) -> Answer:
        return self._client.post("/tokens", json={"name": name, "roles": {"*": "VIEWER"}})

    def event(self, name: str) -> Answer:
        return self._client.post(f"/events/e{name.rpartition('-')[2]}/acknowledgement")

    async def camera(self, name: str) -> httpx.Response:
        paused = int(name.rpartition("-")[2]) % 2 == 0
        tag = (await self._client.get("/cameras/pcb/cam1")).headers["etag"]
        body = {"paused": paused, "reason": name}
        return await self._client.put("/cameras/pcb/cam1/state", json=body, headers={"If-Match": tag})

    async def state(self, name: str) -> httpx.Response:
        return await self._client.put(f"{LINE}/state", json={"state": "PAUSED", "reason": name})

    async def draft(self, name: str) -> httpx.Response:
        declaration = (await self._client.get(f"{LINE}/versions/1")).json()["declaration"]
        tag = (await self._client.get(f"{LINE}/drafts")).headers["etag"]
        body = {"base": 1, "reason": name, "declaration": {**declaration, "deadline_ms": 1234}}
        return await self._client.post(f"{LINE}/drafts", json=body, headers={"If-Match": tag})

    async def lease(self, name: str) -> httpx.Response:
        asked = {"line": "pcb", "parts": 1 + int(name.rpartition("-")[2]) % 3}
        return await self._client.post("/review-leases", json=asked)

    async def repeat(self, kind: str, change: Callable[[str], Answer]) -> None:
        for number in count():
            name = f"{self._life}-{number}"
            answer = await change(name)
            if answer.is_success:
                print(kind, name, flush=True)
            elif answer.status_code not in REPEATED:
                raise RuntimeError(f"{kind}: {answer.status_code} {answer.text}")


KINDS: Final = ("review", "user", "token", "event", "camera", "state", "draft", "lease")


async def main(url: str, folder: str, life: str) -> None:
    transport: Any = httpx.ASGITransport(writing_api(url, Path(folder)))
    async with httpx.AsyncClient(transport=transport, base_url="http://console/api/v1", timeout=None) as client:
        writer = Writer(client, life)
        await asyncio.gather(*(writer.repeat(kind, getattr(writer, kind)) for kind in KINDS))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
