"""Unknown methods, hosts and numbers are refused with a 4xx and a reason, by the API on a real database."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from support.console_api import rest_api
from support.fakes import MemoryEvidence

from inspector.adapters.console.api.request_checks import AllowedHosts, host_name
from inspector.adapters.ledger import SqlArchive, upgrade

NUMBERS = [2**63, 2**64, 10**40, -(2**63), -(10**40)]
API = "/api/v1"

TIMES = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.999999Z")


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    url = f"sqlite:///{tmp_path}/ledger.db"
    upgrade(url)
    app = rest_api(SqlArchive(url), MemoryEvidence())
    app.add_middleware(AllowedHosts, hosts=("10.1.2.3", "Line-7.plant"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8080") as client:
        yield client


async def test_description_is_built_while_others_are_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Building it takes seconds. Meanwhile pages hear from the service."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    upgrade(url)
    app = rest_api(SqlArchive(url), MemoryEvidence())
    others_are_answered = threading.Event()
    monkeypatch.setattr(app, "openapi", lambda: {"waited": others_are_answered.wait(10.0)})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8080") as client:
        description = asyncio.create_task(client.get(f"{API}/openapi.json"))
        assert (await client.get(f"{API}/about")).is_success
        others_are_answered.set()
        assert (await description).json() == {"waited": True}


async def test_every_integer_of_the_api_is_bounded_and_refused_beyond(client: httpx.AsyncClient) -> None:
    paths = (await client.get(f"{API}/openapi.json")).json()["paths"]
    asked = 0
    for path, methods in paths.items():
        for parameter in methods.get("get", {}).get("parameters", []):
            kinds = [parameter["schema"], *parameter["schema"].get("anyOf", [])]
            if any(kind.get("type") == "integer" for kind in kinds):
                for number in NUMBERS:
                    address = path.replace("{result_id}", "r1")
                    answer = await client.get(address, params={parameter["name"]: number})
                    assert 400 <= answer.status_code < 500, (path, parameter["name"], number)
                    asked += 1
    assert asked > 20


async def test_every_time_of_the_api_may_be_the_first_or_the_last_that_there_is(client: httpx.AsyncClient) -> None:
    paths = (await client.get(f"{API}/openapi.json")).json()["paths"]
    asked = 0
    for path, methods in paths.items():
        for parameter in methods.get("get", {}).get("parameters", []):
            kinds = [parameter["schema"], *parameter["schema"].get("anyOf", [])]
            if any(kind.get("format") == "date-time" for kind in kinds):
                for time in TIMES:
                    answer = await client.get(path.format(line="pcb", camera="cam1"), params={parameter["name"]: time})
                    assert answer.status_code in (200, 422), (path, parameter["name"], time)
                    asked += 1
    assert asked >= 10 * len(TIMES)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
async def test_unknown_method_is_405_and_names_the_known_ones(client: httpx.AsyncClient, method: str) -> None:
    paths = (await client.get(f"{API}/openapi.json")).json()["paths"]
    for path, methods in paths.items():
        if method.lower() in methods:
            continue
        known = ", ".join(sorted(each.upper() for each in methods))
        answer = await client.request(method, re.sub(r"{\w+}", "r1", path))
        assert (answer.status_code, answer.headers["allow"]) == (405, known), path
        assert path.startswith("/health/") or answer.json()["detail"].endswith(f"use {known}")
    assert (await client.request(method, f"{API}/nothing")).status_code == 404


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:8080", "10.1.2.3:8080", "LINE-7.plant"])
async def test_own_names_are_answered(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.get(f"{API}/lines", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "10.1.2.4:8080", "[::2]:8080"])
async def test_other_names_are_refused_with_the_remedy(client: httpx.AsyncClient, host: str) -> None:
    answer = await client.get(f"{API}/lines", headers={"host": host})
    assert answer.status_code == 421
    assert "INSPECTOR_CONSOLE_NAMES" in answer.json()["detail"]


@pytest.mark.parametrize(("header", "name"), [("A.b:80", "a.b"), ("[::1]", "[::1]"), ("[::1]:80", "[::1]"), ("x", "x")])
def test_host_name_has_no_port(header: str, name: str) -> None:
    assert host_name(header) == name
