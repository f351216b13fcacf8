"""Versions, drafts and rollback over the REST API, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.console_api import sql_api
from support.databases import fetch
from support.fakes import PASSED, REJECTED, a_part, a_pipeline
from support.reviews import add_reviews, labelled

from inspector.adapters.ledger import DeclaredVersion, SqlLedger, store_versions
from inspector.domain.decision import Decision, Reason, Verdict
from inspector.domain.declared import Disposition, ViewName
from inspector.domain.part import PipelineRef
from inspector.domain.vote import StoppedBy, Vote
from inspector.lines.golden_samples import GoldenChange, GoldenSamples
from inspector.lines.states import LineStates, LineView

DOUBT = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT)
NARROW = {"pass_below": 0.2, "reject_above": 0.8}
WIDE = {"pass_below": 0.4, "reject_above": 0.8}
PATH = "/api/v1/lines/pcb"


@dataclass
class Console:
    """A client of the API, and the database behind it."""

    client: httpx.AsyncClient
    url: str

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(f"{PATH}/{path}")

    async def tag(self, path: str) -> str:
        return (await self.get(path)).headers["ETag"]

    async def declaration(self, **changes: Any) -> dict[str, Any]:
        newest = (await self.get("versions")).json()["versions"][0]["version"]
        return {**(await self.get(f"versions/{newest}")).json()["declaration"], **changes}

    async def save(self, tag: str, base: int = 1, **changes: Any) -> httpx.Response:
        body = {"base": base, "reason": "fewer reviews", "declaration": await self.declaration(**changes)}
        return await self.client.post(f"{PATH}/drafts", json=body, headers={"If-Match": tag})

    async def draft(self, **changes: Any) -> httpx.Response:
        saved = await self.save(await self.tag("drafts"), **changes)
        assert saved.status_code == 201, saved.text
        return saved

    async def promote(self, draft: httpx.Response, key: str = "", **body: Any) -> httpx.Response:
        headers = {"If-Match": draft.headers["ETag"]} | ({"Idempotency-Key": key} if key else {})
        path = f"{PATH}/drafts/{draft.json()['draft_id']}/promotion"
        return await self.client.post(path, json=body, headers=headers)

    async def priced(self, draft: httpx.Response) -> dict[str, Any]:
        path = f"drafts/{draft.json()['draft_id']}/price"
        started = await self.client.post(f"{PATH}/{path}")
        assert started.status_code == 202
        assert started.headers["Location"] == f"/api/v1/jobs/{started.json()['number']}"
        for _ in range(500):
            answer: dict[str, Any] = (await self.get(path)).json()
            if answer["job"]["state"] not in ("QUEUED", "RUNNING"):
                return answer
            await asyncio.sleep(0.02)
        raise AssertionError("the price does not end")

    async def roll_back(self, tag: str, to: int = 1, **body: Any) -> httpx.Response:
        headers = {"If-Match": tag}
        return await self.client.post(
            f"{PATH}/rollback", json={"to": to, "reason": "as before"} | body, headers=headers
        )


@pytest.fixture
async def console(database: str, tmp_path: Path) -> AsyncIterator[Console]:
    store_versions(database, [DeclaredVersion(a_pipeline(thresholds=NARROW), (), "ann", "line: pcb", None, "first")])
    transport = httpx.ASGITransport(sql_api(database, tmp_path))
    async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
        yield Console(client, database)


async def judge_reviewed(url: str, **truths: float) -> None:
    """Store parts with this p(NG); the name begins with what a person says about the part."""
    async with SqlLedger(url) as ledger:
        for name, p_ng in truths.items():
            decision = PASSED if p_ng < 0.2 else REJECTED if p_ng > 0.8 else DOUBT
            part = a_part(
                name,
                decision=decision,
                p_ng=p_ng,
                votes=(Vote(ViewName.DIRECT, 0, p_ng),),
                stopped_by=StoppedBy.LADDER_END,
                pipeline=PipelineRef("pcb", 1, "0123456789abcdef"),
            )
            await ledger.record(part, [])
    add_reviews(url, [labelled(a_part(name).result_id, name.startswith("ng")) for name in truths])


async def test_a_change_goes_from_draft_to_price_to_live_and_back(console: Console) -> None:
    await judge_reviewed(console.url, ok_1=0.3, ok_2=0.25, ng_1=0.9)
    draft = await console.draft(thresholds=WIDE)
    assert draft.headers["Location"] == f"{PATH}/drafts/{draft.json()['draft_id']}"
    difference = (await console.get(f"drafts/{draft.json()['draft_id']}/diff")).json()
    assert [(each["field"], each["new"]) for each in difference["settings"]] == [("thresholds.pass_below", 0.4)]
    price = (await console.priced(draft))["price"]
    assert (price["moved"], price["blocks"]) == ({"REVIEW to PASS": 2}, False)
    live = await console.promote(draft, reason="two OK parts fewer to review")
    assert live.json() == {"line": "pcb", "version": 2, "keeps_right": None, "right": ""}
    newest = (await console.get("versions")).json()["versions"][0]
    assert newest | {"created_at": ""} == {
        "version": 2,
        "parent": 1,
        "author": "console",
        "reason": "two OK parts fewer to review",
        "origin": "console",
        "created_at": "",
        "is_readable": True,
    }
    back = await console.roll_back(live.headers["ETag"])
    assert (back.status_code, back.json()["version"]) == (200, 3)
    assert (await console.get("versions/2/diff/3")).json()["settings"][0]["new"] == 0.2


async def test_known_ng_parts_block_a_promotion_until_their_number_is_accepted_with_a_reason(console: Console) -> None:
    await judge_reviewed(console.url, ng_1=0.3, ng_2=0.35, ok_1=0.3)
    draft = await console.draft(thresholds=WIDE)
    price = (await console.priced(draft))["price"]
    assert {each["trigger_id"] for each in price["new_escapes"]} == {"ng_1", "ng_2"}
    for body, field in (
        ({}, "accepted_escapes"),
        ({"accepted_escapes": 1, "reason": "we must"}, "accepted_escapes"),
        ({"accepted_escapes": 2}, "reason"),
    ):
        refused = await console.promote(draft, **body)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)
    assert (await console.promote(draft, accepted_escapes=2, reason="seen, they are fine")).status_code == 200
    assert (await console.get("versions")).json()["versions"][0]["version"] == 2


async def test_a_repeated_promotion_answers_the_same_and_another_one_is_stale(console: Console) -> None:
    draft = await console.draft(thresholds=WIDE)
    first, again = await console.promote(draft, "k1"), await console.promote(draft, "k1")
    assert (first.json()["version"], again.json()["version"], again.status_code) == (2, 2, 200)
    other = await console.promote(draft, "k2")
    assert (other.status_code, other.json()["difference"]["settings"][0]["field"]) == (412, "thresholds.pass_below")
    assert fetch(console.url, "SELECT count(*) FROM pipeline_versions") == [(2,)]


async def test_a_draft_of_an_older_version_is_refused_with_what_changed_since(console: Console) -> None:
    store_versions(console.url, [DeclaredVersion(a_pipeline(thresholds=WIDE), (), "bob", parent=1)])
    refused = await console.save(
        await console.tag("drafts"), base=1, thresholds={"pass_below": 0.1, "reject_above": 0.8}
    )
    assert refused.status_code == 409
    assert (refused.json()["difference"]["base"], refused.json()["difference"]["other"]) == (1, 2)
    assert refused.json()["difference"]["settings"][0] == {
        "field": "thresholds.pass_below",
        "old": 0.2,
        "new": 0.4,
        "rescores": False,
    }


async def test_a_line_changed_by_a_file_meanwhile_loses_nothing(console: Console) -> None:
    draft = await console.draft(thresholds=WIDE)
    store_versions(console.url, [DeclaredVersion(a_pipeline(thresholds=NARROW, deadline_ms=3000), (), "bob", parent=1)])
    stale = await console.promote(draft)
    assert (stale.status_code, stale.json()["difference"]["settings"][0]["field"]) == (412, "deadline_ms")
    kept = (await console.get(f"drafts/{draft.json()['draft_id']}")).json()
    assert (kept["ended_at"], kept["declaration"]["thresholds"]) == (None, WIDE)


async def test_every_fault_of_a_declaration_stands_at_its_field(console: Console) -> None:
    refused = await console.save(
        await console.tag("drafts"),
        thresholds={"pass_below": 0.9, "reject_above": 0.1},
        deadline_ms=-1,
        golden_samples=["golden/none.png"],
        colour="red",
    )
    assert refused.status_code == 422
    assert {each["field"] for each in refused.json()["errors"]} >= {"thresholds.reject_above", "deadline_ms", "colour"}
    unknown = await console.save(await console.tag("drafts"), golden_samples=["golden/none.png"], references=1)
    assert [each["field"] for each in unknown.json()["errors"]] == ["golden_samples[0]"]


async def test_a_draft_needs_the_tag_of_the_list_and_a_new_one_ends_the_earlier(console: Console) -> None:
    body = {"base": 1, "declaration": await console.declaration(thresholds=WIDE)}
    assert (await console.client.post(f"{PATH}/drafts", json=body)).status_code == 428
    first = await console.draft(thresholds=WIDE)
    second = await console.draft(thresholds={"pass_below": 0.3, "reject_above": 0.8})
    listed = (await console.get("drafts")).json()["drafts"]
    assert [(each["draft_id"], each["ended_at"] is None) for each in listed] == [
        (second.json()["draft_id"], True),
        (first.json()["draft_id"], False),
    ]
    ended = await console.client.delete(second.headers["Location"], headers={"If-Match": second.headers["ETag"]})
    assert ended.json()["ended_at"] is not None
    assert (await console.promote(second)).status_code == 412


async def test_a_draft_that_changes_scores_decides_nothing_and_has_no_price(console: Console) -> None:
    await judge_reviewed(console.url, ok_1=0.3)
    draft = await console.draft(question="Is the solder joint bad?")
    assert draft.json()["rescores"]
    async with SqlLedger(console.url) as ledger:
        assert await ledger.open_drafts() == []
    assert "can't be priced" in (await console.priced(draft))["price"]["objection"]
    assert (await console.promote(draft)).json()["version"] == 2


def race(*attempts: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(attempts)) as people:
        return [each.result() for each in [people.submit(attempt) for attempt in attempts]]


async def test_of_twenty_pairs_of_concurrent_edits_none_is_lost_and_one_of_each_is_stale(
    database: str, tmp_path: Path
) -> None:
    store_versions(database, [DeclaredVersion(a_pipeline(thresholds=NARROW), (), "ann", "line: pcb")])
    apis = [sql_api(database, tmp_path / name) for name in ("one", "other")]
    for api in apis:
        api.openapi()  # two applications that build their models at once disturb each other; a service has one

    async def edit(api: Any, limit: float, tag: str, version: int) -> tuple[int, str]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://console") as client:
            console = Console(client, database)
            saved = await console.save(tag, version, thresholds={"pass_below": limit, "reject_above": 0.8})
            return saved.status_code, saved.json().get("draft_id", "")

    saved_ids: set[str] = set()
    for number in range(20):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(apis[0]), base_url="http://console") as client:
            tag = await Console(client, database).tag("drafts")
        limits = [0.30 + number / 1000, 0.40 + number / 1000]
        answers = await asyncio.to_thread(
            race,
            *(
                (lambda api=api, limit=limit, tag=tag: asyncio.run(edit(api, limit, tag, 1)))
                for api, limit in zip(apis, limits, strict=True)
            ),
        )
        assert sorted(status for status, _ in answers) == [201, 412]
        saved_ids |= {draft for _, draft in answers if draft}
    stored = {draft for (draft,) in fetch(database, "SELECT draft_id FROM drafts")}
    assert len(saved_ids) == 20
    assert stored == saved_ids


async def test_of_two_concurrent_rollbacks_one_is_stale(database: str, tmp_path: Path) -> None:
    store_versions(database, [DeclaredVersion(a_pipeline(thresholds=NARROW), ())])
    store_versions(database, [DeclaredVersion(a_pipeline(thresholds=WIDE), (), parent=1)])
    apis = [sql_api(database, tmp_path / name) for name in ("one", "other")]
    for api in apis:
        api.openapi()  # two applications that build their models at once disturb each other; a service has one

    async def back(api: Any, tag: str) -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://console") as client:
            return (await Console(client, database).roll_back(tag)).status_code

    answers = await asyncio.to_thread(race, *((lambda api=api: asyncio.run(back(api, '"pcb-2"'))) for api in apis))
    assert sorted(answers) == [200, 412]
    assert fetch(database, "SELECT count(*) FROM pipeline_versions") == [(3,)]


async def test_a_line_does_not_go_live_by_a_tag_from_before_a_pause(console: Console) -> None:
    states = {name: {"state": name, "reason": "as agreed"} for name in ("PAUSED", "LIVE", "COMMISSIONING")}
    state = f"{PATH}/state"
    assert (await console.client.put(state, json=states["PAUSED"])).status_code == 200
    before = (await console.client.get(PATH)).headers["ETag"]
    again = await console.client.put(state, json=states["PAUSED"])
    for name in ("LIVE", "COMMISSIONING"):
        stale = await console.client.put(state, json=states[name], headers={"If-Match": before})
        assert (stale.status_code, stale.headers["ETag"]) == (412, again.headers["ETag"])
    known = {"If-Match": again.headers["ETag"]}
    assert (await console.client.put(state, json=states["COMMISSIONING"], headers=known)).status_code == 200


async def test_a_pause_between_the_tag_and_the_write_is_not_lost(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag, go_live = (await console.client.get(PATH)).headers["ETag"], LineStates.go_live

    def after_a_pause(states: LineStates, *asked: Any) -> LineView:
        states.pause("pcb", "bob", "a hand is in the machine")
        return go_live(states, *asked)

    monkeypatch.setattr(LineStates, "go_live", after_a_pause)
    body = {"state": "LIVE", "reason": "trial", "override_days": 1}
    stale = await console.client.put(f"{PATH}/state", json=body, headers={"If-Match": tag})
    assert stale.status_code == 412
    assert "bob set it PAUSED meanwhile" in stale.json()["detail"]
    now = await console.client.get(PATH)
    assert (now.json()["status"]["set_state"], now.headers["ETag"]) == ("PAUSED", stale.headers["ETag"])


async def test_a_golden_sample_is_not_removed_by_its_number_in_an_older_version(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, plan_removal = ["a.png", "b.png"], GoldenSamples.plan_removal
    with_two = a_pipeline(thresholds=NARROW, golden_samples=names)
    store_versions(console.url, [DeclaredVersion(with_two, ("a" * 64, "b" * 64), "ann", parent=1)])
    one = DeclaredVersion(a_pipeline(thresholds=NARROW, golden_samples=["b.png"]), ("b" * 64,), "bob", parent=2)

    def after_another(golden: GoldenSamples, *asked: Any) -> GoldenChange:
        store_versions(console.url, [one])
        return plan_removal(golden, *asked)

    monkeypatch.setattr(GoldenSamples, "plan_removal", after_another)
    tag = await console.tag("golden-samples")
    stale = await console.client.delete(f"{PATH}/golden-samples/1", headers={"If-Match": tag})
    assert stale.status_code == 412
    kept = (await console.get("golden-samples")).json()
    assert (kept["version"], [each["name"] for each in kept["golden_samples"]]) == (3, ["b.png"])
