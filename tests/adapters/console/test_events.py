"""Events through the REST API: lists, and who took note of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.console_api import access_by_name, services_of, sql_access
from support.fakes import NOON, MemoryEvidence

from inspector.adapters.console.api.app import rest_app
from inspector.adapters.ledger import SqlArchive, SqlAuditStore, SqlEventStore, SqlLedger, upgrade
from inspector.domain.person import Person, Role
from inspector.ports.access import AuditFilter
from inspector.ports.ledger import Event

PEOPLE = {
    "ann": Person("ann", {"*": Role.REVIEWER}),
    "bob": Person("bob", {"pcb": Role.REVIEWER}),
    "eve": Person("eve", {"*": Role.VIEWER}),
}
EVENTS = (
    Event("lost", "pcb", "cam1", "FRAMES_LOST", "ALARM", "7 frames lost", NOON, 7),
    Event("skew", "pcb", "cam2", "SKEW", "WARNING", "clock", NOON + timedelta(minutes=1)),
    Event("away", "service", None, "LEDGER_AWAY", "ALARM", "gone", NOON + timedelta(minutes=2)),
    Event("other", "cap", "cam1", "SKEW", "INFO", "clock", NOON + timedelta(minutes=3)),
)


class People:
    def __init__(self, app: Any) -> None:
        self._transport = httpx.ASGITransport(app)

    def __call__(self, name: str) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {name}"}
        return httpx.AsyncClient(transport=self._transport, base_url="http://console/api/v1", headers=headers)


@pytest.fixture
def url(tmp_path: Path) -> str:
    upgrade(url := f"sqlite:///{tmp_path / 'ledger.db'}")
    return url


@pytest.fixture
async def as_person(url: str) -> AsyncIterator[People]:
    async with SqlLedger(url) as ledger:
        await ledger.add_events(EVENTS)
    with closing(SqlArchive(url)) as archive, closing(SqlEventStore(url)) as noted:
        access = replace(access_by_name(PEOPLE), audit=sql_access(url).audit)
        services = services_of(archive, MemoryEvidence(), lines=archive, access=access, acknowledgements=noted)
        yield People(rest_app(services))


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("", ["other", "away", "skew", "lost"]),
        ("line=pcb", ["skew", "lost"]),
        ("line=service", ["away"]),
        ("camera=cam1", ["other", "lost"]),
        ("kind=SKEW", ["other", "skew"]),
        ("severity=ALARM", ["away", "lost"]),
        ("acknowledged=false&severity=ALARM", ["away", "lost"]),
        ("acknowledged=true", []),
        ("from=2026-07-28T12:01:00Z&to=2026-07-28T12:03:00Z", ["away", "skew"]),
        ("limit=1", ["other"]),
    ],
)
async def test_events_are_filtered(as_person: People, query: str, listed: list[str]) -> None:
    day = f"{NOON:%Y-%m-%d}"
    answer = await as_person("eve").get("/events?" + query.replace("2026-07-28", day))
    assert [each["event_id"] for each in answer.json()["events"]] == listed


async def test_first_acknowledgement_stays_and_is_audited_once(as_person: People, url: str) -> None:
    first = await as_person("ann").post("/events/lost/acknowledgement")
    assert (first.status_code, first.json()["acknowledged_by"]) == (200, "ann")
    again = await as_person("bob").post("/events/lost/acknowledgement")
    assert again.json() == first.json()
    listed = (await as_person("eve").get("/events?acknowledged=true")).json()["events"]
    assert [(each["event_id"], each["acknowledged_by"]) for each in listed] == [("lost", "ann")]
    waiting = (await as_person("eve").get("/events?acknowledged=false&line=pcb")).json()["events"]
    assert [each["event_id"] for each in waiting] == ["skew"]
    with closing(SqlAuditStore(url)) as audit:
        [entry] = [each.entry for each in audit.entries(AuditFilter(action="event.acknowledge"), 9)]
    assert (entry.actor, entry.subject, entry.line) == ("ann", "lost", "pcb")
    assert entry.detail == {"kind": "FRAMES_LOST", "severity": "ALARM", "camera": "cam1"}


@pytest.mark.parametrize(
    ("name", "event", "status"), [("eve", "lost", 403), ("bob", "other", 403), ("bob", "away", 403), ("ann", "no", 404)]
)
async def test_acknowledgement_needs_the_role_on_the_line(
    as_person: People, name: str, event: str, status: int
) -> None:
    answer = await as_person(name).post(f"/events/{event}/acknowledgement")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize(
    "query",
    [
        "events?kind=%00",
        "events?to=0001-01-01T00:00:00%2B14:00",
        "events?from=9999-12-31T23:59:59-14:00",
        "parts?lot=%00",
        "parts?to=0001-01-01T00:00:00%2B14:00",
        "parts?from=9999-12-31T23:59:59-14:00",
    ],
)
async def test_filter_that_no_database_can_store_finds_nothing(as_person: People, query: str) -> None:
    answer = await as_person("eve").get(f"/{query}")
    assert (answer.status_code, answer.json()["next_before"]) == (200, None)
