"""Statistics over the REST API, on a real ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from support.console_api import rest_api
from support.fakes import NOON, PASSED, REJECTED, MemoryEvidence, a_part
from support.reviews import add_reviews, labelled

from inspector.adapters.ledger import SqlArchive, SqlLedger

DAY = {"from": (NOON - timedelta(hours=12)).isoformat(), "to": (NOON + timedelta(hours=12)).isoformat()}


@pytest.fixture
async def client(database: str) -> AsyncIterator[httpx.AsyncClient]:
    async with SqlLedger(database) as ledger:
        parts = [a_part(f"t-{number}", decision=REJECTED if number % 4 == 0 else PASSED) for number in range(20)]
        await asyncio.gather(*(ledger.record(part, []) for part in parts))
    add_reviews(database, [labelled(part.result_id, True) for part in parts[:2]])
    archive = SqlArchive(database)
    transport = httpx.ASGITransport(rest_api(archive, MemoryEvidence()))
    async with httpx.AsyncClient(transport=transport, base_url="http://console/api/v1/stats") as client:
        yield client
    archive.close()


async def test_yield_is_by_day_in_the_plants_time(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/yield", params=DAY)).json()
    assert answer["total"]["first_pass"] == 0.75
    assert [(each["span"]["label"], each["first_pass"]["parts"]) for each in answer["periods"]] == [("2026-03-02", 20)]


async def test_errors_have_numbers_and_intervals(client: httpx.AsyncClient) -> None:
    escapes = (await client.get("/errors", params=DAY)).json()["total"]["escapes"]
    assert (escapes["found"], escapes["parts"], escapes["value"]) == (1, 2, 0.5)
    assert escapes["low"] < 0.5 < escapes["high"]


async def test_pareto_and_reviewers_answer(client: httpx.AsyncClient) -> None:
    assert (await client.get("/pareto", params=DAY)).json()["reported"] == []
    (ann,) = (await client.get("/reviewers", params=DAY | {"by": "shift"})).json()["people"]
    assert (ann["reviewer"], ann["answers"], ann["labels"]) == ("ann", 2, {"NG": 2})


@pytest.mark.parametrize(
    ("params", "status", "words"),
    [
        ({"from": DAY["to"], "to": DAY["from"]}, 422, "is not before"),
        ({"from": "2020-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, 422, "more than the 400"),
        ({"from": "0001-01-01T00:00:00Z"}, 422, "only times from 2000"),
        ({"from": "2026-01-01T00:00:00"}, 422, "from"),
        ({"by": "week"}, 422, "by"),
        ({"lines": "pcb"}, 422, "unknown parameter"),
    ],
)
async def test_question_that_can_not_be_answered_is_a_problem(
    client: httpx.AsyncClient, params: dict[str, str], status: int, words: str
) -> None:
    answer = await client.get("/yield", params=params)
    assert answer.status_code == status
    assert words in answer.json()["detail"]
