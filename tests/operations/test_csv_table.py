"""A table is read in every form that spreadsheets write, or all its faults are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.errors import DeclarationError
from inspector.operations.csv_table import MAX_LISTED_FAULTS, read_table

KNOWN = ("trigger_id", "verdict", "note")
PLAIN = "trigger_id,verdict,note\r\nt-1,ok,\u00e9t\u00e9\r\nt-2,ng,\r\n"
SEMICOLONS = PLAIN.replace(",", ";")
FORMS = {
    "as a program writes it": PLAIN.encode(),
    "a byte order mark": PLAIN.encode("utf-8-sig"),
    "semicolons": SEMICOLONS.encode(),
    "tabs": PLAIN.replace(",", "\t").encode(),
    "Unicode text": PLAIN.replace(",", "\t").encode("utf-16"),
    "UTF-16, big end first": b"\xfe\xff" + SEMICOLONS.encode("utf-16-be"),
    "UTF-16 without a mark": PLAIN.encode("utf-16-le"),
    "UTF-16 without a mark, big end first": PLAIN.encode("utf-16-be"),
    "a separator line": b"sep=;\r\n" + SEMICOLONS.encode(),
    "a quoted separator line": b'"sep=\t"\r\n' + PLAIN.replace(",", "\t").encode(),
    "capitals and spaces": PLAIN.replace("trigger_id,verdict", " Trigger ID ,VERDICT").encode(),
    "hyphens": PLAIN.replace("trigger_id", "Trigger-Id").encode(),
    "spaces around cells": PLAIN.replace(",ok,", " , ok , ").encode(),
    "decimal commas": b"trigger_id;p;verdict;note\nt-1;0,97;ok;\xc3\xa9t\xc3\xa9\nt-2;0,1;ng;\n",
    "quoted decimal commas": b'trigger_id,p,verdict,note\nt-1,"0,97",ok,\xc3\xa9t\xc3\xa9\nt-2,"0,1",ng,\n',
    "empty rows": PLAIN.replace("\r\nt-2", "\r\n,,\r\n\r\nt-2").encode(),
    "old line ends": PLAIN.replace("\r\n", "\r").encode(),
    "columns of nobody": PLAIN.replace("note", "note,seen").replace("\u00e9t\u00e9", "\u00e9t\u00e9,1").encode(),
}


def written(folder: Path, data: bytes) -> Path:
    file = folder / "table.csv"
    file.write_bytes(data)
    return file


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_spreadsheet_gives_the_same_cells(tmp_path: Path, form: str) -> None:
    table = read_table(written(tmp_path, FORMS[form]), KNOWN)
    assert [row.cells for row in table.rows] == [
        {"trigger_id": "t-1", "verdict": "ok", "note": "\u00e9t\u00e9"},
        {"trigger_id": "t-2", "verdict": "ng", "note": ""},
    ]


def test_code_page_is_named_not_guessed(tmp_path: Path) -> None:
    file = written(tmp_path, PLAIN.encode("cp1252"))
    assert read_table(file, KNOWN, "cp1252").rows[0].cells["note"] == "\u00e9t\u00e9"
    with pytest.raises(DeclarationError, match=r"table.csv:2: text: it is not utf-8; .*--encoding, such as cp1252"):
        read_table(file, KNOWN)
    with pytest.raises(DeclarationError, match="encoding: nonsense is unknown; use a name such as"):
        read_table(file, KNOWN, "nonsense")


def test_rows_have_the_numbers_of_a_spreadsheet(tmp_path: Path) -> None:
    text = 'trigger_id,note\nt-1,"two\nlines"\n,\nt-2,\n'
    assert [row.number for row in read_table(written(tmp_path, text.encode()), KNOWN).rows] == [2, 4]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "no column is known in ''; use trigger_id, verdict, note"),
        (b"a,b\n1,2\n", "no column is known in 'a, b'"),
        (b"trigger_id,verdict\n", "rows: there are none; write one row"),
        (b"note,Note\n1,2\n", "note: two columns have this name; remove one"),
        (b"note,verdict\na, b,ok\n", "2: cells: the row has 3 cells, the header 2; quote cells that hold a comma"),
        (b'note\n"' + b"x" * 200_000 + b'"\n', "cells: field larger than field limit"),
        (b"PK\x03\x04" + bytes(range(256)), "text: it is not utf-8"),
    ],
)
def test_what_is_no_table_is_refused_with_a_remedy(tmp_path: Path, data: bytes, complaint: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        read_table(written(tmp_path, data), KNOWN)
    assert complaint in str(refused.value)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="No such file"):
        read_table(tmp_path / "none.csv", KNOWN)
    with pytest.raises(DeclarationError, match="Is a directory"):
        read_table(tmp_path, KNOWN)


def test_all_faults_are_listed_until_there_are_too_many(tmp_path: Path) -> None:
    file = written(tmp_path, b"note\n" + b"a,b\n" * (MAX_LISTED_FAULTS + 7))
    with pytest.raises(DeclarationError) as refused:
        read_table(file, KNOWN)
    assert len(refused.value.faults) == MAX_LISTED_FAULTS + 1
    assert "7 more fault(s) are not listed" in str(refused.value)
