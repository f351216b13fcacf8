"""Decision records are complete, numbered without gaps, and listed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from support.paths import ROOT

FOLDER: Final = ROOT / "docs" / "decisions"
RECORDS: Final = sorted(FOLDER.glob("[0-9]*.md"))
HEADINGS: Final = ["Context", "Decision", "Measurement", "Consequence"]


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_record_has_every_part(record: Path) -> None:
    text = record.read_text()
    assert re.findall(r"^## (.+)$", text, re.M) == HEADINGS
    assert all(part.strip() for part in re.split(r"^## .+$", text, flags=re.M))
    assert re.search(r"^Accepted \d{4}-\d{2}-\d{2}\b", text, re.M)


def test_numbers_have_no_gap() -> None:
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))


def test_every_record_is_listed_with_its_title() -> None:
    listed = dict(re.findall(r"\| \[\d{4}\]\(([^)]+)\) \| (.+?) \| ", (FOLDER / "README.md").read_text()))
    titles = {record.name: record.read_text().splitlines()[0].split(". ", 1)[1] for record in RECORDS}
    assert listed == titles


def test_every_benchmark_is_listed() -> None:
    folder = ROOT / "docs" / "benchmarks"
    listed = set(re.findall(r"\(([\w-]+\.md)\)", (folder / "README.md").read_text()))
    assert listed == {page.name for page in folder.glob("*.md")} - {"README.md"}
