"""No spreadsheet finds a formula in text from outside, and every text is restored."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.reviewing.formula_cells import with_formula, without_formula

HOSTILE = st.text(alphabet="=+-@'\t\r\n;\" ,a1\uff1d", max_size=40) | st.text(max_size=40)


@given(HOSTILE)
def test_every_text_is_restored(text: str) -> None:
    assert with_formula(without_formula(text)) == text


@given(HOSTILE)
def test_no_cell_begins_as_a_formula_whatever_the_separator_of_the_spreadsheet(text: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(["first", without_formula(text), "last"])
    for separator in ",;\t":
        for row in csv.reader(io.StringIO(out.getvalue(), newline=""), delimiter=separator):
            assert not [cell for cell in row if cell.strip().startswith(("=", "+", "-", "@", "\uff1d"))]


@pytest.mark.parametrize("text", ["SN-1", "a=b", "3 + 4", "0.5", "it's", "", "scratch; 3 mm"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert without_formula(text) == text


def test_formula_gets_one_apostrophe() -> None:
    assert without_formula("=cmd|'/c calc'!A1") == "'=cmd|'/c calc'!A1"
