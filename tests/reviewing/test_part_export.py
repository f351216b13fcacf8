"""Exported parts: all of them, each value whole, with reviews, harmless to spreadsheets, and readable again."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.fakes import NOON, REJECTED, a_part
from support.reviews import NG, OK, a_review, add_reviews

from inspector.adapters.ledger import SqlArchive, SqlLedger, upgrade
from inspector.domain.declared import Severity
from inspector.domain.part import PartRecord
from inspector.domain.report import Box, Finding, Words, WordsState
from inspector.domain.review import Review, ReviewBox, ReviewMode
from inspector.operations.review_file import read_review_rows
from inspector.ports.archive import PartFilter
from inspector.reviewing.formula_cells import with_formula
from inspector.reviewing.part_export import COLUMNS, PARTS_PER_QUERY, csv_lines, exported_parts, json_lines

UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "a;=1")


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    upgrade(url)
    return url


def fill(url: str, parts: Sequence[PartRecord], reviews: Sequence[Review] = ()) -> None:
    async def store() -> None:
        async with SqlLedger(url) as ledger:
            for part in parts:
                await ledger.record(part, [])

    asyncio.run(store())
    if reviews:
        add_reviews(url, reviews)


def exported(url: str, wanted: PartFilter = PartFilter(), limit: int | None = None) -> list[dict[str, str]]:  # noqa: B008
    archive = SqlArchive(url)
    lines = list(csv_lines(exported_parts(archive, wanted, limit)))
    archive.close()
    assert lines[0] == ",".join(COLUMNS) + "\r\n"
    rows = list(csv.DictReader(io.StringIO("".join(lines), newline=""), strict=True))
    assert len(rows) == len(lines) - 1
    return rows


def test_header_is_written_even_when_no_part_matches(ledger: str) -> None:
    assert exported(ledger) == []
    fill(ledger, [a_part()])
    assert exported(ledger, PartFilter(line="cap")) == []


def test_every_part_is_exported_once_over_all_pages(ledger: str) -> None:
    count = 2 * PARTS_PER_QUERY + 1
    fill(ledger, [a_part(f"t-{number}") for number in range(count)])
    rows = exported(ledger)
    assert [row["trigger_id"] for row in rows] == [f"t-{number}" for number in reversed(range(count))]
    assert len(exported(ledger, limit=PARTS_PER_QUERY + 1)) == PARTS_PER_QUERY + 1


@pytest.mark.parametrize("part_id", [UUID, "x" * 100, "\u00e9" * 36])
def test_part_id_lot_and_product_are_whole(ledger: str, part_id: str) -> None:
    names = {"line": "l" * 64, "camera": "c" * 64}  # a verdict with these has no room for the part_id
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    whole = a_part("t" * 128, **names, part_id=part_id, lot="lot " * 20, product="p" * 64, traceparent=trace)
    fill(ledger, [a_part("without"), whole])
    [row, _] = exported(ledger)
    assert (row["part_id"], row["lot"], row["product"], row["traceparent"]) == (part_id, "lot " * 20, "p" * 64, trace)


def test_truth_and_the_review_that_brought_it_about_have_columns(ledger: str) -> None:
    parts = [a_part("seen", result_id="seen"), a_part("unseen", result_id="unseen")]
    said = [a_review("seen", OK), a_review("seen", NG, "=bob", mode=ReviewMode.AUDIT)]
    decided = a_review("seen", NG, "=eve", note="pit, at the edge", mode=ReviewMode.ADJUDICATION, classes=("pit",))
    fill(ledger, parts, [*said, decided])
    unseen, seen = exported(ledger)
    reviews = [(each["reviews"], each["truth"], each["truth_state"], each["review_by"]) for each in (seen, unseen)]
    assert reviews == [("3", "NG", "ADJUDICATED", "'=eve"), ("0", "", "", "")]
    assert (seen["review_mode"], seen["review_classes"]) == ("adjudication", "pit")
    assert (seen["verdict"], seen["review_note"], seen["review_at"]) == ("OK", "pit, at the edge", NOON.isoformat())


@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas_of_a_sender_are_harmless_and_can_be_restored(ledger: str, formula: str) -> None:
    words = Words(WordsState.WRITTEN, (Finding("scratch", Severity.MINOR, Box(0.0, 0.0, 0.5, 1.0), formula),))
    fill(ledger, [a_part(part_id=formula, lot=formula, decision=REJECTED, words=words)])
    [row] = exported(ledger)
    for column in ("part_id", "lot", "description"):
        assert row[column] != formula
        assert with_formula(row[column]) == formula
    assert (row["defect"], row["severity"], row["bbox_norm"]) == ("scratch", "minor", "[0.0, 0.0, 0.5, 1.0]")


def test_exported_file_is_reviewed_and_read_again(ledger: str, tmp_path: Path) -> None:
    fill(ledger, [a_part(part_id="=SN;1", result_id="r-1")])
    [row] = exported(ledger)
    file = tmp_path / "parts.csv"
    with file.open("w", newline="", encoding="utf-8-sig") as out:
        writer = csv.writer(out, delimiter=";")
        writer.writerow([*row, "Review"])
        writer.writerow([*row.values(), "NG"])
    [read] = read_review_rows(file, "pcb", None)
    assert (read.result_id, read.part_id, read.label) == ("r-1", "=SN;1", NG)


def test_json_lines_hold_report_truth_and_all_reviews(ledger: str) -> None:
    said = [
        a_review("r-1", NG, classes=("pit",), boxes=(ReviewBox(Box(0.0, 0.1, 0.2, 0.3), "pit"),)),
        a_review("r-1", OK, "bob"),
    ]
    fill(ledger, [a_part(part_id="=1+1", result_id="r-1"), a_part("t-2")], said)
    archive = SqlArchive(ledger)
    unseen, seen = map(json.loads, json_lines(exported_parts(archive, PartFilter(), None)))
    archive.close()
    assert (seen["report"]["part_id"], unseen["truth"], unseen["reviews"]) == ("=1+1", None, [])
    assert (seen["truth"]["state"], seen["truth"]["label"]) == ("DISPUTED", None)
    assert [(each["reviewer"], each["label"]) for each in seen["reviews"]] == [("ann", "NG"), ("bob", "OK")]
    assert seen["reviews"][0]["boxes"] == [{"bbox_norm": [0.0, 0.1, 0.2, 0.3], "defect": "pit"}]
