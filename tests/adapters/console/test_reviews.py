"""Reviews through the REST API: answers, withdrawals, adjudication, many at once, and parts that one person has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.console_api import ReviewStores, access_by_name, services_of
from support.databases import fetch
from support.fakes import MemoryEvidence, a_part, a_pipeline

from inspector.adapters.console.api.app import rest_app
from inspector.adapters.ledger import (
    DeclaredVersion,
    SqlArchive,
    SqlLeaseStore,
    SqlLedger,
    SqlReviewStore,
    store_versions,
    upgrade,
)
from inspector.domain.decision import Decision, Reason, Verdict, fail_safe
from inspector.domain.declared import Disposition
from inspector.domain.part import Evidence
from inspector.domain.person import Person, Role
from inspector.messages.topics import Topics

OPEN = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT)
PEOPLE = {
    "ann": Person("ann", {"*": Role.REVIEWER}),
    "bob": Person("bob", {"pcb": Role.REVIEWER}),
    "eve": Person("eve", {"*": Role.VIEWER, "casting": Role.REVIEWER}),
}
DRAWN, LEFT = "0" * 32, "f" * 32
As = Callable[[str], httpx.AsyncClient]


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A file: both kinds of databases are tested below the API."""
    upgrade(url := f"sqlite:///{tmp_path / 'ledger.db'}")
    return url


@pytest.fixture
async def as_person(database: str) -> AsyncIterator[As]:
    store_versions(database, [DeclaredVersion(a_pipeline(reviews={"audit_review": 0.5}), ())])
    picture = Evidence("ab" * 32, "image/png", 9)
    unjudged = fail_safe(Disposition.REVIEW, Reason.OVERLOAD, "no time")
    async with SqlLedger(database) as ledger:
        for result_id in (DRAWN, LEFT):
            await ledger.record(a_part(result_id, result_id=result_id, decision=OPEN, evidence=picture), [])
        await ledger.record(a_part("n", result_id="unjudged", decision=unjudged, votes=()), [])
    with (
        closing(SqlArchive(database)) as archive,
        closing(SqlReviewStore(database, Topics())) as store,
        closing(SqlLeaseStore(database)) as leases,
    ):
        stores = ReviewStores(archive, store, leases)
        services = services_of(archive, MemoryEvidence(), lines=archive, reviews=stores, access=access_by_name(PEOPLE))
        app = rest_app(services)
        transport = httpx.ASGITransport(app)
        yield lambda name: httpx.AsyncClient(
            transport=transport, base_url="http://console/api/v1", headers={"authorization": f"Bearer {name}"}
        )


async def answer(client: httpx.AsyncClient, result_id: str = LEFT, **said: Any) -> httpx.Response:
    return await client.post(f"/parts/{result_id}/reviews", json={"label": "OK", **said})


async def test_answer_is_stored_once_and_read_with_its_truth(as_person: As) -> None:
    ann = as_person("ann")
    boxes = [{"bbox_norm": [0.1, 0.2, 0.3, 0.4], "defect": "short"}]
    said: dict[str, Any] = {
        "label": "NG",
        "review_id": "tablet-1",
        "classes": ["short"],
        "boxes": boxes,
        "seconds": 3.5,
    }
    first, again = await answer(ann, **said), await answer(ann, **said)
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["is_new"], again.json()["is_new"]) == (True, False)
    read = (await ann.get(f"/parts/{LEFT}/reviews")).json()
    assert read["reviews"] == [first.json()["review"]]
    assert read["truth"] == {
        "state": "SINGLE",
        "label": "NG",
        "reviews": 1,
        "by": "tablet-1",
        "disposition": "REJECT",
    }
    assert {name: read["reviews"][0][name] for name in said} == said
    assert (await answer(ann, **said | {"label": "UNSURE"})).status_code == 409


async def test_header_names_the_answer_too(as_person: As) -> None:
    ann, key = as_person("ann"), {"Idempotency-Key": "tablet-2"}
    for expected in (201, 200):
        sent = await ann.post(f"/parts/{LEFT}/reviews", json={"label": "OK"}, headers=key)
        assert (sent.status_code, sent.json()["review"]["review_id"]) == (expected, "tablet-2")


async def test_withdrawn_answer_leaves_no_truth(as_person: As) -> None:
    ann, bob = as_person("ann"), as_person("bob")
    await answer(ann, review_id="r-1")
    refused = await bob.post(f"/parts/{LEFT}/reviews/r-1/withdrawal")
    assert (refused.status_code, "only its author" in refused.json()["detail"]) == (422, True)
    withdrawn = await ann.post(f"/parts/{LEFT}/reviews/r-1/withdrawal", headers={"Idempotency-Key": "r-2"})
    assert withdrawn.json()["truth"]["state"] == "WITHDRAWN"
    again = await ann.post(f"/parts/{LEFT}/reviews/r-1/withdrawal", headers={"Idempotency-Key": "r-2"})
    assert (again.status_code, again.json()["is_new"]) == (200, False)
    assert (await ann.post(f"/parts/{LEFT}/reviews/r-1/withdrawal")).status_code == 409


async def test_dispute_is_adjudicated_from_the_state_that_was_read(as_person: As) -> None:
    ann, bob = as_person("ann"), as_person("bob")
    await answer(ann, label="OK")
    disputed = await answer(bob, label="NG")
    assert disputed.json()["truth"] == disputed.json()["truth"] | {"state": "DISPUTED", "label": None}
    path, read = f"/parts/{LEFT}/adjudication", await ann.get(f"/parts/{LEFT}/reviews")
    body = {"label": "NG", "review_id": "decision"}
    assert (await ann.put(path, json=body)).status_code == 428
    tag = {"If-Match": read.headers["ETag"]}
    answers = await asyncio.gather(
        *(who.put(path, json={"label": label}, headers=tag) for who, label in ((ann, "OK"), (bob, "NG")))
    )
    assert sorted(each.status_code for each in answers) == [200, 412]
    now = (await ann.get(f"/parts/{LEFT}/reviews")).json()
    assert (now["truth"]["state"], len(now["reviews"])) == ("ADJUDICATED", 3)


async def test_adjudication_sent_again_is_the_same_one(as_person: As) -> None:
    ann, bob = as_person("ann"), as_person("bob")
    await answer(ann, label="OK")
    await answer(bob, label="NG")
    tag = {"If-Match": (await ann.get(f"/parts/{LEFT}/reviews")).headers["ETag"]}
    sent = [
        await ann.put(f"/parts/{LEFT}/adjudication", json={"label": "OK", "review_id": "d"}, headers=tag)
        for _ in range(2)
    ]
    assert [(each.status_code, each.json()["is_new"]) for each in sent] == [(200, True), (200, False)]


async def test_many_answers_are_stored_together_or_not_at_all(as_person: As, database: str) -> None:
    ann = as_person("ann")
    answers = [{"result_id": each, "label": "NG"} for each in (DRAWN, LEFT)]
    refused = await ann.post("/reviews:bulk", json={"reviews": [*answers, {"result_id": "gone", "label": "OK"}]})
    assert (refused.status_code, fetch(database, "SELECT count(*) FROM reviews")) == (404, [(0,)])
    stored = await ann.post("/reviews:bulk", json={"reviews": answers})
    assert [each["truth"]["label"] for each in stored.json()["reviews"]] == ["NG", "NG"]
    page = (await ann.get("/reviews", params={"limit": 1})).json()
    assert page["reviews"][0]["result_id"] == LEFT
    older = (await ann.get("/reviews", params={"before": page["next_before"]})).json()
    assert ([each["result_id"] for each in older["reviews"]], older["next_before"]) == ([DRAWN], None)


async def test_parts_are_listed_by_their_reviews(as_person: As) -> None:
    ann, bob = as_person("ann"), as_person("bob")
    await answer(ann, LEFT, label="OK")
    await answer(bob, LEFT, label="NG")
    await answer(bob, DRAWN)

    async def listed(client: httpx.AsyncClient, review: str) -> list[str]:
        page = (await client.get("/parts", params={"line": "pcb", "review": review})).json()
        return [part["verdict"]["result_id"] for part in page["parts"]]

    assert await listed(ann, "mine") == [LEFT]
    assert await listed(bob, "mine") == [LEFT, DRAWN]
    assert (await listed(ann, "any"), await listed(ann, "disputed")) == ([LEFT, DRAWN], [LEFT])
    assert await listed(ann, "none") == ["unjudged"]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"label": "MAYBE"}, "label"),
        ({"classes": ["short"]}, "an OK part has no defect"),
        ({"label": "NG", "classes": ["rust"]}, "declares no defect 'rust'; use one of"),
        ({"label": "NG", "boxes": [{"bbox_norm": [0.5, 0.5, 0.1, 0.9]}]}, "x1 > x0"),
        ({"label": "NG", "boxes": [{"bbox_norm": [0.5, 0.5, 1.5, 0.9]}]}, "boxes"),
        ({"review_id": "a b"}, "review_id"),
        ({"seconds": -1}, "seconds"),
        ({"mode": "audit"}, "mode: unknown parameter"),
        ({"probability": 1.0}, "probability: unknown parameter"),
    ],
)
async def test_answer_that_makes_no_sense_is_refused_with_its_field(
    as_person: As, said: dict[str, Any], text: str
) -> None:
    refused = await answer(as_person("ann"), **said)
    assert (refused.status_code, text in refused.json()["detail"]) == (422, True)


async def test_role_counts_on_the_parts_own_line(as_person: As) -> None:
    eve = as_person("eve")
    requests = [
        answer(eve),
        eve.post(f"/parts/{LEFT}/reviews/r-1/withdrawal"),
        eve.put(f"/parts/{LEFT}/adjudication", json={"label": "OK"}),
        eve.post("/reviews:bulk", json={"reviews": [{"result_id": LEFT, "label": "OK"}]}),
        eve.post("/review-leases", json={"line": "pcb"}),
    ]
    assert [each.status_code for each in await asyncio.gather(*requests)] == [403] * len(requests)
    assert (await eve.get(f"/parts/{LEFT}/reviews")).status_code == 200


async def leased(client: httpx.AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    given = await client.post("/review-leases", json={"line": "pcb", "parts": 5, **asked})
    assert given.status_code == 200, given.text
    parts: list[dict[str, Any]] = given.json()["parts"]
    return parts


async def test_two_people_get_different_parts_and_give_them_back(as_person: As) -> None:
    ann, bob = as_person("ann"), as_person("bob")
    assert [part["result_id"] for part in await leased(ann, parts=1)] == [DRAWN]
    assert [part["result_id"] for part in await leased(bob)] == [LEFT]
    assert (await ann.delete(f"/review-leases/{LEFT}")).status_code == 404
    assert (await bob.delete(f"/review-leases/{LEFT}")).status_code == 204
    assert [part["result_id"] for part in await leased(ann)] == [DRAWN, LEFT]


async def test_blind_lease_hides_the_verdict_and_marks_the_answer(as_person: As) -> None:
    ann = as_person("ann")
    seen, hidden = (await leased(ann, parts=1))[0], (await leased(ann, parts=1, blind=True))[0]
    assert seen["part"]["verdict"]["disposition"] == "REVIEW"
    assert (hidden["result_id"], hidden["part"], hidden["blind"]) == (DRAWN, None, True)
    review = (await answer(ann, DRAWN)).json()["review"]
    assert (review["blind"], review["mode"], review["probability"]) == (True, "teach", 0.5)
    assert (await answer(ann, LEFT)).json()["review"]["probability"] is None, "it was not drawn"


async def test_lists_have_their_own_parts(as_person: As) -> None:
    ann = as_person("ann")
    assert [part["purpose"] for part in await leased(ann, list="never_judged")] == ["never_judged"]
    [audit] = await leased(ann, list="audits")
    assert (audit["result_id"], audit["purpose"]) == (DRAWN, "audit")
    assert (await answer(ann, DRAWN)).json()["review"]["mode"] == "audit"
    counts = (await ann.get("/lines/pcb/waiting-parts")).json()
    assert (counts["open"], counts["never_judged"], counts["disputed"]) == (1, 1, 0)
    assert (await ann.get("/lines/nowhere/waiting-parts")).status_code == 404
    assert (await ann.post("/review-leases", json={"line": "nowhere"})).status_code == 404
