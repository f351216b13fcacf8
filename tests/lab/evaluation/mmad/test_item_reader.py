"""mmad.json: valid, odd and broken."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.mmad_drawn import ABNORMAL, drawn, entry, write

from inspector.errors import InspectorError
from inspector.lab.evaluation.mmad.item_reader import MAX_FAULTS_SHOWN, Templates, read_items
from inspector.lab.evaluation.mmad.items import DataSet, Item, Task

PICTURE = "VisA/cap/test/dent/000.jpg"
TEMPLATE = "VisA/cap/test/good/template.jpg"


def read_entry(root: Path, picture: str = PICTURE, **changes: Any) -> list[Item]:
    """Read one entry whose first question differs by `changes`; its pictures exist."""
    one = entry(ABNORMAL[:1], TEMPLATE, ng=True)
    one["conversation"][0] |= changes
    return _read(root, {picture: one})


def _read(root: Path, entries: Any, shots: int = 1) -> list[Item]:
    for path in (PICTURE, TEMPLATE):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    write(root, entries)
    return read_items(root, shots)


def test_the_whole_set_is_read_with_its_tasks_and_templates(tmp_path: Path) -> None:
    drawn(tmp_path)
    items = read_items(tmp_path, shots=1)
    assert {item.data_set for item in items} == set(DataSet)
    assert Counter(item.task for item in items)[Task.OBJECT_ANALYSIS] == 8
    assert {item.task for item in items} == set(Task)
    assert {item.normal for item in items} == {True, False}
    assert {len(item.templates) for item in items} == {1}
    assert {item.templates for item in read_items(tmp_path, shots=0)} == {()}


@pytest.mark.parametrize(
    ("options", "answer", "letter", "why"),
    [
        ({"A": "Yes.", "B": "No."}, "A", "A", "as usual"),
        ({"A": "No.", "B": "Yes."}, "B", "B", "yes is no fixed letter"),
        ({"B": "Yes.", "A": "No."}, "B", "A", "lettered anew in their order"),
        ({"C": "x", "D": "y", "E": "z"}, "D", "B", "beginning late"),
        ({letter: letter for letter in "ABCDE"}, "E", "E", "all five"),
        ({"A.": "Yes", "B.": "No"}, "B", "B", "letters with full stops"),
        ({"a": "Yes", "b": "No"}, "B.", "B", "small letters"),
        ({"A": 3, "B": 4}, "A", "A", "numbers as options"),
    ],
)
def test_the_right_letter_is_found(tmp_path: Path, options: dict[str, Any], answer: str, letter: str, why: str) -> None:
    (item,) = read_entry(tmp_path, Options=options, Answer=answer)
    assert item.answer == letter, why
    assert item.options == tuple(map(str, options.values()))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"Options": {"A": "Yes."}}, "question 1 does not offer 2 to 5 options"),
        ({"Options": dict.fromkeys("ABCDEF", "x")}, "question 1 does not offer 2 to 5 options"),
        ({"Options": ["Yes.", "No."]}, "question 1 does not offer 2 to 5 options"),
        ({"Options": {}}, "question 1 has no Options"),
        ({"Answer": "C"}, "question 1: Answer 'C' is not one of its options A, B"),
        ({"Answer": None}, "question 1 has no Answer"),
        ({"Question": ""}, "question 1 has no Question"),
        ({"type": "Guessing"}, "question 1: type 'guessing' is not of MMAD"),
        ({"Options": {"A": "Yes.", "a.": "No."}, "Answer": "A"}, "is not one of its options"),
    ],
)
def test_a_question_that_can_not_be_asked_is_named(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(InspectorError, match=re.escape(f"{PICTURE}: ") + ".*" + re.escape(problem)) as told_error:
        read_entry(tmp_path, **changes)
    assert "fetch MMAD again" in str(told_error.value)


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ({PICTURE: []}, "is not a mapping"),
        ({PICTURE: {"conversation": "?"}}, "conversation is not a list"),
        ({PICTURE: {"conversation": ["?"], "random_templates": [TEMPLATE]}}, "question 1 is not a mapping"),
        ({PICTURE: {"conversation": [{}]}}, "random_templates does not list 1 picture.*--shots 0"),
        ({PICTURE: {"conversation": [{}], "random_templates": [7]}}, "random_templates does not list"),
        ({PICTURE: {"conversation": [{}], "random_templates": ["gone.jpg"]}}, "gone.jpg is missing below"),
        ({"VisA/cap/gone.jpg": entry(ABNORMAL, TEMPLATE, ng=True)}, "VisA/cap/gone.jpg is missing.*correct --root"),
        ({"VisA/../../x.jpg": entry(ABNORMAL, TEMPLATE, ng=True)}, "lies outside the benchmark's folder"),
        ({"BTAD/x.jpg": entry(ABNORMAL, TEMPLATE, ng=True)}, "data set 'btad' is not of MMAD.*GoodsAD"),
        ([], "is a list"),
        ({}, "asks nothing"),
        ({PICTURE: {}}, "asks nothing"),
    ],
)
def test_an_entry_that_can_not_be_used_is_named_with_a_remedy(tmp_path: Path, entries: Any, problem: str) -> None:
    with pytest.raises(InspectorError, match=problem):
        _read(tmp_path, entries)


def test_an_entry_without_questions_asks_nothing_and_the_others_go_on(tmp_path: Path) -> None:
    entries = {"VisA/cap/no.jpg": {"conversation": []}, PICTURE: entry(ABNORMAL, TEMPLATE, ng=True)}
    assert len(_read(tmp_path, entries)) == len(ABNORMAL)


def test_templates_need_not_be_there_when_none_is_shown(tmp_path: Path) -> None:
    assert len(_read(tmp_path, {PICTURE: entry(ABNORMAL[:1], "gone.jpg", ng=True)}, shots=0)) == 1


def test_all_faults_are_reported_together_up_to_a_screenful(tmp_path: Path) -> None:
    entries = {f"VisA/cap/{number}.jpg": entry(ABNORMAL, TEMPLATE, ng=True) for number in range(MAX_FAULTS_SHOWN + 5)}
    with pytest.raises(InspectorError, match="… and 5 more") as error:
        _read(tmp_path, entries)
    assert len(str(error.value).splitlines()) == MAX_FAULTS_SHOWN + 1


@pytest.mark.parametrize("folder", ["MVTec-AD", "mvtec_ad", "DS-MVTec", "MVTec"])
def test_mvtec_goes_by_several_names(tmp_path: Path, folder: str) -> None:
    picture = f"{folder}/bottle/image/good/000.png"
    (tmp_path / picture).parent.mkdir(parents=True)
    (tmp_path / picture).touch()
    assert read_entry(tmp_path, picture)[0].data_set is DataSet.MVTEC_AD


def test_a_wrong_folder_is_reported_with_its_expected_content(tmp_path: Path) -> None:
    with pytest.raises(InspectorError, match=r"--root is the folder with mmad\.json"):
        read_items(tmp_path, 1)
    (tmp_path / "mmad.json").write_bytes(b"\xff{")
    with pytest.raises(InspectorError, match="is not JSON"):
        read_items(tmp_path, 1)


def test_similar_templates_are_taken_from_their_own_list(tmp_path: Path) -> None:
    drawn(tmp_path)
    entries = json.loads((tmp_path / "mmad.json").read_text())
    items = read_items(tmp_path, 1, Templates.SIMILAR)
    assert all(list(item.templates) == entries[item.picture]["similar_templates"] for item in items)
    with pytest.raises(InspectorError, match="similar_templates does not list 2 picture"):
        read_items(tmp_path, 2, Templates.SIMILAR)


def test_domain_knowledge_is_that_of_the_object(tmp_path: Path) -> None:
    drawn(tmp_path)
    topics = {"dent": "A dent is a hollow.", "normal": "A ring."}
    told = {name: dict.fromkeys(("washer", "board", "cap"), topics) for name in DataSet}
    file = tmp_path / "domain_knowledge.json"
    file.write_text(json.dumps({"MVTec" if name == "MVTec-AD" else name: about for name, about in told.items()}))
    assert {item.knowledge for item in read_items(tmp_path, 1, knowledge=file)} == {"A dent is a hollow.\nA ring."}
    assert {item.knowledge for item in read_items(tmp_path, 1)} == {""}


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("[]", "holds no domain knowledge"),
        ('{"VisA": {"cap": {"dent": 3}}}', "holds no domain knowledge"),
        ('{"VisA": {"cup": {"dent": "a hollow"}}}', "says nothing about MVTec/washer"),
    ],
)
def test_unusable_domain_knowledge_is_refused(text: str, remedy: str, tmp_path: Path) -> None:
    drawn(tmp_path)
    (tmp_path / "known.json").write_text(text)
    with pytest.raises(InspectorError, match=remedy):
        read_items(tmp_path, 1, knowledge=tmp_path / "known.json")
