"""Stored reviews: row, truth and the message for the line are one transaction, also for two who write at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from support.databases import fetch
from support.fakes import NOON, PASSED, REJECTED, a_part
from support.paths import SUPPORT
from support.reviews import NG, OK, UNSURE, a_review, add_reviews

from inspector.adapters.ledger import SqlArchive, SqlLedger
from inspector.domain.decision import Decision, Reason, Verdict
from inspector.domain.declared import Disposition
from inspector.domain.part import PartRecord
from inspector.domain.report import Box
from inspector.domain.review import Review, ReviewBox, ReviewMode
from inspector.domain.truth import TruthState
from inspector.errors import ConflictError, InspectorError, NotFoundError, StaleError
from inspector.messages.outgoing import ReviewMessage
from inspector.messages.topics import Topics
from inspector.operations.review import review_journeys

OPEN = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT)
PART = a_part("t-0", decision=OPEN, part_id="SN1")


async def record(url: str, *parts: PartRecord) -> None:
    async with SqlLedger(url) as ledger:
        for part in parts:
            await ledger.record(part, [])


@pytest.fixture
async def reviewed(database: str) -> str:
    await record(database, PART)
    return database


def said(label: Any = OK, by: str = "ann", **changes: Any) -> Review:
    return a_review(PART.result_id, label, by, **changes)


def messages(url: str) -> list[dict[str, Any]]:
    rows = fetch(url, "SELECT topic, payload, review FROM outbox ORDER BY number")
    assert all(topic == Topics().review("pcb", "cam1") and review for topic, _, review in rows)
    payloads = [bytes(payload) for _, payload, _ in rows]
    assert all(ReviewMessage.model_validate_json(each) for each in payloads)
    return [json.loads(each) for each in payloads]


def heard(url: str) -> list[tuple[str, str, str, str | None]]:
    return [(each["verdict"], each["disposition"], each["reviewer"], each["supersedes"]) for each in messages(url)]


async def test_review_is_stored_whole(reviewed: str) -> None:
    boxes = (ReviewBox(Box(0.1, 0.2, 0.3, 0.4), "scratch"), ReviewBox(Box(0.0, 0.0, 1.0, 1.0)))
    how: dict[str, Any] = {"seconds": 2.5, "blind": True, "probability": 0.05, "mode": ReviewMode.AUDIT}
    review = said(NG, note="at the edge\x00", classes=("scratch",), boxes=boxes, **how)
    [stored] = add_reviews(reviewed, [review])
    archive = SqlArchive(reviewed)
    [found] = archive.reviews_of([1]).values()
    archive.close()
    assert (found.reviews, found.truth) == ((review,), stored.truth)
    assert fetch(reviewed, "SELECT state, label, reviews FROM truths") == [("SINGLE", "NG", 1)]


@pytest.mark.parametrize(("label", "verdict", "disposition"), [(OK, "OK", "PASS"), (NG, "NG", "REJECT")])
def test_line_hears_the_disposition_of_a_part_that_waited(
    reviewed: str, label: Any, verdict: str, disposition: str
) -> None:
    add_reviews(reviewed, [said(label, review_id="r-1")])
    assert messages(reviewed) == [
        {
            "schema": "inspector.review/1",
            "review_id": "r-1",
            "result_id": PART.result_id,
            "trigger_id": "t-0",
            "part_id": "SN1",
            "verdict": verdict,
            "disposition": disposition,
            "reviewer": "ann",
            "supersedes": None,
            "at": "2026-03-02T12:00:00Z",
        }
    ]


def test_line_hears_nothing_of_doubt_and_disputes(reviewed: str) -> None:
    add_reviews(reviewed, [said(UNSURE)])
    assert messages(reviewed) == []
    add_reviews(reviewed, [said(OK, "bob"), said(NG, "eve")])
    assert messages(reviewed) == []


def test_withdrawal_is_a_message_of_its_own_and_brings_the_part_back(reviewed: str) -> None:
    add_reviews(reviewed, [said(OK, review_id="r-1")])
    [gone] = add_reviews(reviewed, [said(None, supersedes="r-1", review_id="r-2")])
    assert gone.truth.state is TruthState.WITHDRAWN
    assert fetch(reviewed, "SELECT reviewed_at FROM parts") == [(None,)]
    add_reviews(reviewed, [said(NG, review_id="r-3")])
    assert heard(reviewed) == [
        ("OK", "PASS", "ann", None),
        ("INCONCLUSIVE", "REVIEW", "ann", "r-1"),
        ("NG", "REJECT", "ann", "r-2"),
    ]


def test_dispute_takes_back_what_was_announced_until_somebody_adjudicates(reviewed: str) -> None:
    add_reviews(reviewed, [said(OK, review_id="r-1")])
    add_reviews(reviewed, [said(NG, "bob", review_id="r-2")])
    add_reviews(reviewed, [said(NG, "eve", review_id="r-3", mode=ReviewMode.ADJUDICATION)])
    add_reviews(reviewed, [said(NG, "dan")])
    assert heard(reviewed) == [
        ("OK", "PASS", "ann", None),
        ("INCONCLUSIVE", "REVIEW", "bob", "r-1"),
        ("NG", "REJECT", "eve", "r-2"),
    ]


async def test_line_hears_of_escapes_and_overkill_but_nothing_that_it_knows(database: str) -> None:
    await record(database, a_part("good", decision=PASSED), a_part("bad", decision=REJECTED))
    good, bad = a_part("good").result_id, a_part("bad").result_id
    add_reviews(database, [a_review(good, OK), a_review(bad, NG)])
    assert messages(database) == []
    add_reviews(database, [a_review(good, NG), a_review(bad, OK)])
    assert [(each["result_id"], each["disposition"]) for each in messages(database)] == [
        (good, "REJECT"),
        (bad, "PASS"),
    ]


def test_review_sent_again_is_stored_once(reviewed: str) -> None:
    review = said(OK)
    first = add_reviews(reviewed, [review, review])
    again = add_reviews(reviewed, [replace(review, at=NOON.replace(hour=15))])
    assert [each.is_new for each in (*first, *again)] == [True, False, False]
    assert {each.review for each in (*first, *again)} == {review}
    assert len(messages(reviewed)) == 1
    with pytest.raises(ConflictError, match="belongs to another review; choose a new one"):
        add_reviews(reviewed, [replace(review, label=NG)])


def test_own_answer_is_superseded_and_others_stay(reviewed: str) -> None:
    first, second = add_reviews(reviewed, [said(OK), said(NG)])
    assert (first.review.supersedes, second.review.supersedes) == (None, first.review.review_id)
    assert second.truth.state is TruthState.SINGLE


REFUSED = [
    pytest.param(said(NG, "bob"), {"label": OK, "classes": ("dent",)}, InspectorError, "has no defect", id="ok"),
    pytest.param(said(), {"supersedes": "no"}, NotFoundError, "has no review no; read its reviews", id="unknown"),
    pytest.param(said(), {"supersedes": "r-1", "reviewer": "bob"}, InspectorError, "only its author", id="another's"),
    pytest.param(said(None), {"supersedes": "r-0"}, ConflictError, "does not stand any more", id="taken back twice"),
    pytest.param(said(), {"mode": ReviewMode.ADJUDICATION}, ConflictError, "do not differ", id="no dispute"),
    pytest.param(said(), {"result_id": "gone"}, NotFoundError, "no part has the result_id 'gone'", id="no part"),
    pytest.param(said(), {"reviewer": "a\nb"}, InspectorError, "can't be printed", id="name"),
]


@pytest.mark.parametrize(("review", "changes", "error", "text"), REFUSED)
def test_answer_that_is_not_accepted_stores_nothing(
    reviewed: str, review: Review, changes: dict[str, Any], error: type[InspectorError], text: str
) -> None:
    add_reviews(reviewed, [said(OK, review_id="r-0"), said(NG, review_id="r-1")])
    before = [fetch(reviewed, f"SELECT * FROM {table}") for table in ("reviews", "truths", "outbox")]
    with pytest.raises(error, match=text):
        add_reviews(reviewed, [said(NG, "dan"), replace(review, **changes)])
    assert [fetch(reviewed, f"SELECT * FROM {table}") for table in ("reviews", "truths", "outbox")] == before


def test_adjudication_of_a_part_that_changed_meanwhile_is_refused(reviewed: str) -> None:
    add_reviews(reviewed, [said(OK), said(NG, "bob")])
    decided = said(OK, "eve", mode=ReviewMode.ADJUDICATION)
    add_reviews(reviewed, [decided], seen=2)
    with pytest.raises(StaleError, match="somebody else reviewed this part meanwhile"):
        add_reviews(reviewed, [said(NG, "dan", mode=ReviewMode.ADJUDICATION)], seen=2)


def test_two_who_answer_at_once_see_each_other(reviewed: str) -> None:
    """Without a lock both would find no earlier answer, and the part would have a truth instead of a dispute."""
    names = [f"p{number}" for number in range(8)]
    answers = [said(OK if number % 2 else NG, name) for number, name in enumerate(names)]
    start, errors = threading.Barrier(len(names)), list[Exception]()

    def answer(review: Review) -> None:
        start.wait()
        try:
            add_reviews(reviewed, [review])
        except InspectorError as error:
            errors.append(error)

    threads = [threading.Thread(target=answer, args=(review,)) for review in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert fetch(reviewed, "SELECT state, label, reviews FROM truths") == [("DISPUTED", None, len(names))]


async def test_nothing_is_stored_by_halves_when_a_writer_is_killed(database: str) -> None:
    parts = [a_part(f"t-{number}", decision=OPEN) for number in range(5)]
    await record(database, *parts)
    stored: set[str] = set()
    for life in range(3):
        stored |= _stored_until_killed(database, f"life{life}", after=11 + 5 * life, parts=len(parts))
    rows = {row[0] for row in fetch(database, "SELECT review_id FROM reviews")}
    assert stored <= rows
    assert len(rows) <= len(stored) + 3, "only the reviews under way may be stored without an answer"
    _require_whole(database, parts)


def _stored_until_killed(url: str, name: str, *, after: int, parts: int) -> set[str]:
    command = [sys.executable, str(SUPPORT / "review_writer.py"), url, name, str(parts)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(after)]
        process.kill()
        lines += process.stdout.readlines()
    return {line.strip() for line in lines if line.endswith("\n")}


def _require_whole(url: str, parts: Sequence[PartRecord]) -> None:
    """Every part's truth is that of its rows, and the line heard exactly what the truths came to."""
    archive = SqlArchive(url)
    known = archive.reviews_of(range(1, len(parts) + 1))
    archive.close()
    truths = fetch(url, 'SELECT part, state, label, reviews, "by", announced FROM truths ORDER BY part')
    assert [row[:5] for row in truths] == [
        (number, of.truth.state, of.truth.label, of.truth.reviews, of.truth.by.review_id)
        for number, of in sorted(known.items())
    ]
    newest = {each["result_id"]: each["disposition"] for each in messages(url)}
    assert {parts[row[0] - 1].result_id: row[5] for row in truths if row[5]} == newest


def test_each_review_is_audited_with_its_author(reviewed: str) -> None:
    add_reviews(reviewed, [said(OK, review_id="r-1")])
    add_reviews(reviewed, [said(None, supersedes="r-1")])
    rows = fetch(reviewed, "SELECT actor, action, subject, line FROM audit ORDER BY number")
    assert rows == [("ann", action, PART.result_id, "pcb") for action in ("review.add", "review.withdraw")]


def test_answers_from_a_file_share_one_entry_of_the_audit(reviewed: str) -> None:
    add_reviews(reviewed, [said(label, by, mode=ReviewMode.IMPORT) for by, label in (("ann", OK), ("ann", NG))])
    rows = fetch(reviewed, "SELECT actor, action, subject FROM audit ORDER BY number")
    assert rows == [("ann", "review.import", "pcb")]


def test_labels_of_a_folder_without_answers_store_nothing(database: str) -> None:
    assert review_journeys(database, Topics(), []) == {"reviewed": {"ok": 0, "ng": 0, "unsure": 0}, "disputed": 0}
