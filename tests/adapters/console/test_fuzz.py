"""The REST API answers any request, or refuses it with a problem document; it never fails."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from support.console_api import sql_api
from support.console_parts import a_pass, a_picture, a_reject

from inspector.adapters.console.api.app import openapi_text
from inspector.adapters.ledger import FileEvidence, SqlLedger, upgrade
from inspector.domain.part import PartRecord

PATHS = sorted({*json.loads(openapi_text())["paths"]} - {"/api/v1/stream"})  # a stream does not end
FIELDS = (
    *("line", "camera", "disposition", "reason", "before", "after", "limit", "minutes", "side", "verdict"),
    *("subject", "actor", "user"),
)

odd = st.sampled_from(["", "0", "-1", "1e9", "9" * 40, "PASS", "pcb", "r1", "null", "../..", "%00", "\x00", "٣", "💥"])
texts = odd | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
queries = st.lists(st.tuples(st.sampled_from(FIELDS) | texts, texts), max_size=4)
bodies = st.binary(max_size=100) | st.sampled_from([b"{}", b"[]", b"null", b'{"verdict":7}', b"[" * 10_000])
types = st.sampled_from(["application/json", "text/plain", "multipart/form-data", "application/x-www-form-urlencoded"])


@st.composite
def paths(draw: st.DrawFn) -> str:
    path: str = draw(st.sampled_from(PATHS))
    while "{" in path:
        before, _, rest = path.partition("{")
        path = f"{before}{quote(draw(texts), safe='')}{rest.partition('}')[2]}"
    return path


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    folder = tmp_path_factory.mktemp("fuzz")
    url = f"sqlite:///{folder / 'ledger.db'}"
    upgrade(url)
    picture = FileEvidence(folder / "evidence").put(a_picture(), "image/jpeg")
    asyncio.run(record(url, a_pass("r1", evidence=picture), a_reject("r2")))
    return sql_api(url, folder)


async def record(url: str, *parts: PartRecord) -> None:
    async with SqlLedger(url) as ledger:
        for part in parts:
            await ledger.record(part, [])


async def ask(
    api: FastAPI, method: str, path: str, query: list[tuple[str, str]], body: bytes, kind: str
) -> httpx.Response:
    transport = httpx.ASGITransport(api)  # raises what the application raises
    async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
        return await client.request(method, path, params=tuple(query), content=body, headers={"content-type": kind})


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(["GET", "GET", "POST", "PUT", "PATCH", "DELETE"]), paths(), queries, bodies, types)
def test_any_request_is_answered_or_refused_with_a_reason(
    api: FastAPI, method: str, path: str, query: list[tuple[str, str]], body: bytes, kind: str
) -> None:
    answer = asyncio.run(ask(api, method, path, query, body, kind))
    assert answer.status_code < 500
    if answer.status_code >= 400:
        problem = answer.json()
        assert problem["status"] == answer.status_code
        assert problem["detail"]
