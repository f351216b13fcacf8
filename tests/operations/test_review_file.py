"""Reviews from files as people bring them: read in every form, refused with every fault, stored all or none."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from support.fakes import a_part

from inspector.adapters.ledger import SqlLedger, upgrade
from inspector.domain.part import PartRecord
from inspector.domain.review import ReviewLabel
from inspector.errors import DeclarationError, InspectorError
from inspector.messages.topics import Topics
from inspector.operations.review import store_reviews
from inspector.operations.review_file import read_review_rows

FIRST = a_part("t-1", result_id="first", received_sha256="aa" * 32, part_id="SN1")
SECOND = replace(FIRST, result_id="second", received_sha256="bb" * 32, part_id="SN2")


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    upgrade(url)
    asyncio.run(fill(url, [FIRST, SECOND, a_part("t-2", result_id="third", part_id="=SN3")]))
    return url


async def fill(url: str, parts: list[PartRecord]) -> None:
    async with SqlLedger(url) as ledger:
        for part in parts:
            await ledger.record(part, [])


def written(folder: Path, text: str) -> Path:
    file = folder / "reviews.csv"
    file.write_text(text, encoding="utf-8")
    return file


def stored(url: str, file: Path, camera: str | None = "cam1") -> dict[str, int]:
    counts = store_reviews(url, Topics(), read_review_rows(file, "pcb", camera), "ann")["reviewed"]
    return {answer: counts[answer] for answer in ("ok", "ng")}


def refusal(url: str, file: Path) -> str:
    with pytest.raises(InspectorError) as refused:
        stored(url, file)
    return str(refused.value)


def test_file_as_excel_writes_it_is_stored(ledger: str, tmp_path: Path) -> None:
    file = tmp_path / "reviews.csv"
    file.write_bytes("Trigger ID;Verdict;Note;p_ng\r\nt-2; NG ;\u00e9raflure;0,97\r\n;;;\r\n".encode("utf-8-sig"))
    assert stored(ledger, file) == {"ok": 0, "ng": 1}
    [row] = read_review_rows(file, "pcb", "cam1")
    assert (row.number, row.note, row.label) == (2, "\u00e9raflure", ReviewLabel.NG)


def test_result_id_names_one_of_several_parts_and_needs_no_camera(ledger: str, tmp_path: Path) -> None:
    assert stored(ledger, written(tmp_path, "result_id,verdict\nfirst,ok\nsecond,ng\n"), None) == {"ok": 1, "ng": 1}


def test_part_id_tells_parts_of_one_trigger_apart_and_an_ambiguous_row_is_refused(ledger: str, tmp_path: Path) -> None:
    assert stored(ledger, written(tmp_path, "trigger_id,part_id,verdict\nt-1,SN2,ok\n")) == {"ok": 1, "ng": 0}
    refused = refusal(ledger, written(tmp_path, "trigger_id,verdict\nt-2,ok\nt-1,ok\n"))
    assert "1 row(s) may mean several parts; nothing was stored. Add a column result_id or part_id. row 3" in refused
    assert "result_id first (part_id SN1" in refused
    assert "result_id second (part_id SN2" in refused


def test_exported_parts_come_back_with_a_column_review(ledger: str, tmp_path: Path) -> None:
    header = "result_id,trigger_id,line,camera,part_id,verdict,disposition"
    rows = "first,t-1,pcb,cam1,SN1,OK,PASS{}\nthird,t-2,pcb,cam1,'=SN3,OK,PASS{}\n"
    refused = refusal(ledger, written(tmp_path, f"{header}\n{rows.format('', '')}"))
    assert "1: verdict: in a file of exported parts it is the inspector's own answer; add a column review" in refused
    file = written(tmp_path, f"{header},review\n{rows.format(',', ',ng')}")
    [row] = read_review_rows(file, "pcb", None)
    assert (row.part_id, row.result_id) == ("=SN3", "third")
    assert stored(ledger, file) == {"ok": 0, "ng": 1}


def test_all_faults_are_named_with_row_and_remedy(ledger: str, tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "trigger_id,verdict,line,note\nt-1,maybe,pcb,\n,ok,,\nt-2,ng,cap,\n"
        "4.82E+15,ok,,\nt-2,,," + "x" * 2001 + "\nt-2,ok,,\n",
    )
    with pytest.raises(DeclarationError) as refused:
        read_review_rows(file, "pcb", "cam1")
    assert [(fault.row, fault.field) for fault in refused.value.faults] == [
        (2, "verdict"),
        (3, "trigger_id"),
        (4, "line"),
        (5, "trigger_id"),
        (6, "verdict"),
        (6, "note"),
    ]
    assert all(fault.remedy for fault in refused.value.faults)
    assert "format the column as text" in refused.value.faults[3].remedy


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("trigger_id\nt-1\n", "1: header: it has no verdict; add a column verdict"),
        ("verdict\nok\n", "1: header: it has no trigger_id and no result_id; add one of them"),
        ("trigger_id,review\nt-1,\n", "review: no row has an answer; write ok, ng or unsure"),
        ("trigger_id,verdict\nt-9,ok\nt-2,ok\n", "1 part(s) not in the ledger; nothing was stored. Correct the ids"),
        ("result_id,verdict\nfirst,ok\nthird,ok\nfirst,ng\n", "1 part(s) have different answers; nothing was stored."),
    ],
)
def test_file_that_can_not_be_stored_whole_is_refused(ledger: str, tmp_path: Path, text: str, complaint: str) -> None:
    assert complaint in refusal(ledger, written(tmp_path, text))


def test_row_without_camera_needs_the_option(tmp_path: Path) -> None:
    file = written(tmp_path, "trigger_id,verdict\nt-1,ok\n")
    with pytest.raises(DeclarationError, match="camera: it is empty; write the camera, or name one with --camera"):
        read_review_rows(file, "pcb", None)


def test_rows_that_are_not_in_the_ledger_are_named(ledger: str, tmp_path: Path) -> None:
    rows = "".join(f"x-{number},ok\n" for number in range(14))
    refused = refusal(ledger, written(tmp_path, "trigger_id,verdict\n" + rows))
    assert "row 2 pcb/cam1/x-0, row 3 pcb/cam1/x-1" in refused
    assert "and 4 more" in refused


def test_unsure_and_classes_are_answers_too(ledger: str, tmp_path: Path) -> None:
    file = written(tmp_path, "result_id,verdict,classes\nfirst,ng,scratch dent\nsecond,unsure,\n")
    figures = store_reviews(ledger, Topics(), read_review_rows(file, "pcb", None), "ann")
    assert figures == {"reviewed": {"ok": 0, "ng": 1, "unsure": 1}, "disputed": 0}
    assert read_review_rows(file, "pcb", None)[0].classes == ("scratch", "dent")
    assert "classes: 'dent' are defects" in refusal(
        ledger, written(tmp_path, "result_id,verdict,classes\nfirst,ok,dent\n")
    )


def test_second_reviewer_who_differs_makes_the_part_disputed(ledger: str, tmp_path: Path) -> None:
    stored(ledger, written(tmp_path, "result_id,verdict\nfirst,ok\n"))
    rows = read_review_rows(written(tmp_path, "result_id,verdict\nfirst,ng\n"), "pcb", None)
    assert store_reviews(ledger, Topics(), rows, "bob")["disputed"] == 1


def test_file_that_would_stop_the_stations_for_long_is_refused(
    ledger: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.operations.review.MAX_REVIEWS_PER_WRITE", 1)
    refused = refusal(ledger, written(tmp_path, "result_id,verdict\nfirst,ok\nsecond,ng\n"))
    assert "the file has 2 answers" in refused
    assert "use files of at most 1" in refused
