"""The built pages are served with a strict policy, for every address of theirs, and nothing beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from support.console_api import rest_api
from support.fakes import MemoryEvidence, MemoryLedger

from inspector.adapters.console.web_pages import POLICY, serve_web_pages


def client_of(dist: Path) -> httpx.AsyncClient:
    app: FastAPI = rest_api(MemoryLedger(), MemoryEvidence())
    serve_web_pages(app, dist)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://console")


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<!doctype html>")
    (dist / "assets" / "app.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    async with client_of(dist) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/parts", "/parts/r1", "/lines/pcb/kiosk"])
async def test_every_address_of_a_page_gets_the_page(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"accept": "text/html"})
    assert (answer.status_code, answer.text) == (200, "<!doctype html>")
    assert answer.headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY


async def test_assets_have_their_type_and_stay_in_the_browser(client: httpx.AsyncClient) -> None:
    answer = await client.get("/assets/app.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("path", ["/..%2fsecret.txt", "/assets/..%2f..%2fsecret.txt", "/%2e%2e/secret.txt", "/a%00b"])
async def test_nothing_beside_the_built_files_is_served(client: httpx.AsyncClient, path: str) -> None:
    assert "secret" not in (await client.get(path)).text


@pytest.mark.parametrize("path", ["/api/v2/parts", "/api", "/metrics", "/health/x"])
async def test_addresses_of_the_service_are_no_pages(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_pages_that_are_not_built_say_how_to_build_them(tmp_path: Path) -> None:
    async with client_of(tmp_path) as client:
        answer = await client.get("/")
    assert "make web" in answer.text
    assert answer.headers["content-type"].startswith("text/plain")


async def test_texts_are_compressed_for_those_that_read_it(client: httpx.AsyncClient) -> None:
    plain = await client.get("/assets/app.js", headers={"accept-encoding": "identity"})
    small = await client.get("/assets/app.js", headers={"accept-encoding": "gzip"})
    assert ("content-encoding" in plain.headers, small.headers["content-encoding"]) == (False, "gzip")
    assert plain.text == small.text == "1"
    assert plain.headers["vary"] == small.headers["vary"] == "Accept-Encoding"
    assert plain.headers["content-type"] == small.headers["content-type"]
