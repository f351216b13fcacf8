"""Changes over the REST API: all or nothing when the process is killed, and one of two concurrent edits is refused."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import httpx
from support.api_writer import KINDS, PASSWORD, writing_api
from support.databases import fetch
from support.fakes import NOON, a_part, a_pipeline
from support.paths import SUPPORT

from inspector.access.users import Users
from inspector.adapters.ledger import DeclaredVersion, SqlLedger, SqlPeople, store_versions, upgrade
from inspector.domain.decision import Decision, Reason, Verdict
from inspector.domain.declared import Disposition
from inspector.domain.part import Evidence
from inspector.domain.person import Role
from inspector.ports.ledger import Event

LIVES = ("one", "two")
PAIRS = 20
OPEN = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT)
PICTURE = Evidence("ab" * 32, "image/png", 9)
# what each kind of change leaves in its table, and in the audit
ROWS = {
    "review": "SELECT count(*) FROM reviews",
    "user": "SELECT count(*) FROM users",
    "token": "SELECT count(*) FROM tokens",
    "event": "SELECT count(*) FROM events WHERE acknowledged_at IS NOT NULL",
    "camera": "SELECT count(*) FROM camera_states",
    "state": "SELECT count(*) FROM line_states",
    "draft": "SELECT count(*) FROM drafts",
}
ACTIONS = {
    "review": ("review.add",),
    "user": ("user.add",),
    "token": ("token.add",),
    "event": ("event.acknowledge",),
    "camera": ("camera.pause", "camera.resume"),
    "state": ("line.state",),
    "draft": ("draft.add",),
}


async def prepared(url: str) -> None:
    upgrade(url)
    store_versions(url, [DeclaredVersion(a_pipeline(cameras=["cam1", "cam2"]), ())])
    with closing(SqlPeople(url)) as people:
        Users(people).add("ann", {"*": Role.ADMIN}, PASSWORD, "cli:root")
    async with SqlLedger(url) as ledger:
        for number in range(40):
            await ledger.record(a_part(f"t{number}", decision=OPEN, evidence=PICTURE), [])
        await ledger.add_events([Event(f"e{number}", "pcb", None, "SKEW", "ALARM", "x", NOON) for number in range(500)])


def told_until_killed(url: str, folder: Path, life: str) -> list[tuple[str, str]]:
    """What the API said was stored, until it is killed amid more changes. Every kind was answered at least twice."""
    command = [sys.executable, str(SUPPORT / "api_writer.py"), url, str(folder), life]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    told: list[tuple[str, str]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            told.append((line.split()[0], line.split()[1]))
            counts = Counter(kind for kind, _ in told)
            if all(counts[kind] >= 2 for kind in KINDS):
                break
        process.kill()
        told += [(kind, name) for kind, name in map(str.split, process.stdout.read().split("\n")[:-1])]
    return told


async def test_killed_api_leaves_each_kind_of_change_whole_or_not_at_all(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    await prepared(url)
    told = [each for life in LIVES for each in told_until_killed(url, tmp_path, life)]
    audited = Counter(action for (action,) in fetch(url, "SELECT action FROM audit"))
    for kind, query in ROWS.items():
        [(rows,)] = fetch(url, query)
        assert rows == sum(audited[action] for action in ACTIONS[kind]), f"{kind}: a row without its audit entry"
        assert rows >= len({_thing(each) for each in told if each[0] == kind}), f"{kind}: a told change is lost"
    named = {name for (name,) in fetch(url, "SELECT review_id FROM reviews")}
    assert {name for kind, name in told if kind == "review"} <= named
    reviewed = {part for (part,) in fetch(url, "SELECT DISTINCT part FROM reviews")}
    assert reviewed == {part for (part,) in fetch(url, "SELECT part FROM truths")}, "a review without its truth"
    open_drafts = fetch(url, "SELECT draft_id FROM drafts WHERE ended_at IS NULL")
    assert len(open_drafts) == 1, "a new draft ends the earlier one in the same transaction"


def _thing(told: tuple[str, str]) -> str:
    """What a change was about: both lives take note of the same events."""
    kind, name = told
    return name.rpartition("-")[2] if kind == "event" else name


async def test_one_of_each_pair_of_concurrent_edits_is_refused(tmp_path: Path) -> None:
    """Two people read the same state and both change it: one change is stored, the other gets 412."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    await prepared(url)
    transport = httpx.ASGITransport(writing_api(url, tmp_path))
    async with httpx.AsyncClient(transport=transport, base_url="http://console/api/v1", timeout=None) as client:
        await client.post("/users", json={"name": "bob", "roles": {"*": "VIEWER"}, "password": PASSWORD})
        declaration = (await client.get("/lines/pcb/versions/1")).json()["declaration"]
        for number in range(PAIRS):
            user, drafts = await client.get("/users/bob"), await client.get("/lines/pcb/drafts")
            roles = [
                {"roles": {"*": "REVIEWER" if number % 2 == 0 else "VIEWER", f"l{who}-{number}": "VIEWER"}}
                for who in "ab"
            ]
            edits = [
                client.patch("/users/bob", json=body, headers={"If-Match": user.headers["etag"]}) for body in roles
            ]
            bodies = [{"base": 1, "declaration": {**declaration, "deadline_ms": 1000 + number + who}} for who in (0, 1)]
            saves = [
                client.post("/lines/pcb/drafts", json=body, headers={"If-Match": drafts.headers["etag"]})
                for body in bodies
            ]
            answers = await asyncio.gather(*edits, *saves)
            assert sorted(each.status_code for each in answers[:2]) == [200, 412], answers[0].text
            assert sorted(each.status_code for each in answers[2:]) == [201, 412], answers[2].text
            stored = (await client.get("/users/bob")).json()["roles"]
            won = next(place for place, each in enumerate(answers[:2]) if each.status_code == 200)
            assert stored == roles[won]["roles"], "the change that was stored is the one that was answered"
    [(changes,)] = fetch(url, "SELECT count(*) FROM audit WHERE action = 'user.roles'")
    [(drafted,)] = fetch(url, "SELECT count(*) FROM drafts")
    assert (changes, drafted) == (PAIRS, PAIRS)
