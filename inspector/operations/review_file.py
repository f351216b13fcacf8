"""Read a CSV file of people's answers about parts: a list of ids, or parts that `inspector export parts` wrote.

An exported file has the inspector's own verdict in `verdict`. There the person's answer is a column `review`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

from inspector.domain.frame import FrameKey
from inspector.domain.review import MAX_NOTE_CHARACTERS, ReviewLabel
from inspector.errors import DeclarationError, Fault
from inspector.operations.csv_table import CsvRow, CsvTable, read_table, require_faultless, shown
from inspector.ports.ledger import PartCandidate
from inspector.reviewing.formula_cells import with_formula

COLUMNS: Final = (
    "trigger_id",
    "result_id",
    "verdict",
    "review",
    "camera",
    "part_id",
    "note",
    "classes",
    "line",
    "disposition",
)
ANSWERS: Final = {label.lower(): label for label in ReviewLabel}
SHORTENED_NUMBER: Final = re.compile(r"\d[.,]\d+E\+\d+")  # how a spreadsheet writes a long number, losing its end


class ReviewRow(NamedTuple):
    """One row of the file. A `result_id` wins over the key and the part_id, which may name several parts."""

    number: int
    key: FrameKey
    label: ReviewLabel
    note: str
    result_id: str | None = None
    part_id: str | None = None
    classes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the row calls its part."""
        return self.result_id or str(self.key)

    def may_mean(self, candidate: PartCandidate) -> bool:
        return self.part_id is None or candidate.identity.part_id == self.part_id


def read_review_rows(file: Path, line: str, camera: str | None, encoding: str | None = None) -> list[ReviewRow]:
    """Read a CSV file of reviews. Raises DeclarationError with every fault, each with its row and remedy."""
    table = read_table(file, COLUMNS, encoding)
    answer = _answer_column(file, table)
    rows = [CsvRow(row.number, {name: with_formula(cell) for name, cell in row.cells.items()}) for row in table.rows]
    answered = [row for row in rows if row.cells[answer] or answer == "verdict"]
    require_faultless([fault for row in answered for fault in _faults(file, row, answer, line, camera)])
    if not answered:
        raise DeclarationError([Fault(str(file), answer, "no row has an answer", "write ok, ng or unsure")])
    return [_review_row(row, answer, line, camera) for row in answered]


def _answer_column(file: Path, table: CsvTable) -> str:
    """Return the column of the person's answer. Raises DeclarationError if there is none, or no id."""
    faults = []
    if not table.columns & {"trigger_id", "result_id"}:
        faults.append(Fault(str(file), "header", "it has no trigger_id and no result_id", "add one of them", 1))
    if not table.columns & {"review", "verdict"}:
        faults.append(Fault(str(file), "header", "it has no verdict", "add a column verdict with ok, ng or unsure", 1))
    if "disposition" in table.columns and "review" not in table.columns:
        problem = "in a file of exported parts it is the inspector's own answer"
        faults.append(Fault(str(file), "verdict", problem, "add a column review with ok, ng or unsure", 1))
    require_faultless(faults)
    return "review" if "review" in table.columns else "verdict"


def _faults(file: Path, row: CsvRow, answer: str, line: str, camera: str | None) -> list[Fault]:
    cells = row.cells
    found = [
        (answer, f"{shown(cells[answer])} is neither ok, ng nor unsure", "write ok, ng or unsure")
        if cells[answer].lower() not in ANSWERS
        else None,
        ("trigger_id", "it is empty, and so is result_id", "write one of them")
        if not cells["trigger_id"] and not cells["result_id"]
        else None,
        ("camera", "it is empty", "write the camera, or name one with --camera")
        if not cells["result_id"] and not (cells["camera"] or camera)
        else None,
        ("line", f"{shown(cells['line'])} is not {line}", "name the line with --line, one file for each")
        if cells["line"] not in ("", line)
        else None,
        ("classes", f"{shown(cells['classes'])} are defects, and the answer is ok", "empty it, or write ng")
        if cells["classes"] and cells[answer].lower() == "ok"
        else None,
        ("note", f"it has {len(cells['note']):,} characters", f"use at most {MAX_NOTE_CHARACTERS:,}")
        if len(cells["note"]) > MAX_NOTE_CHARACTERS
        else None,
        *(
            (name, f"{shown(cells[name])} is a number that a spreadsheet shortened", "format the column as text first")
            if SHORTENED_NUMBER.fullmatch(cells[name])
            else None
            for name in ("trigger_id", "result_id", "part_id")
        ),
    ]
    return [Fault(str(file), *fault, row.number) for fault in found if fault is not None]


def _review_row(row: CsvRow, answer: str, line: str, camera: str | None) -> ReviewRow:
    cells = row.cells
    key = FrameKey(line, cells["camera"] or camera or "", cells["trigger_id"])
    label = ANSWERS[cells[answer].lower()]
    names = cells["result_id"] or None, cells["part_id"] or None
    return ReviewRow(row.number, key, label, cells["note"], *names, tuple(cells["classes"].split()))
