"""Challenge sets, on a real ledger and evidence store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from support.fakes import NOON, a_pipeline

from inspector.adapters.camera import CameraPictureReader
from inspector.adapters.ledger import (
    DeclaredVersion,
    FileEvidence,
    SqlArchive,
    SqlChallengeStore,
    SqlLineStore,
    store_versions,
    upgrade,
)
from inspector.errors import InspectorError
from inspector.lab.synthetic import draw, encode
from inspector.lines.challenge import ChallengePicture, ChallengeSets
from inspector.lines.states import LineStates

BOARDS = [encode(draw("board", seed, size=320)) for seed in range(4)]


def a_picture(number: int, *, is_ng: bool = True) -> ChallengePicture:
    return ChallengePicture(f"board {number}", BOARDS[number], is_ng, "lot 7", "from the shelf", "image/jpeg")


@pytest.fixture
def sets(tmp_path: Path) -> Iterator[ChallengeSets]:
    url = f"sqlite:///{tmp_path}/ledger.db"
    upgrade(url)
    evidence = FileEvidence(str(tmp_path / "evidence"))
    golden = evidence.put(BOARDS[3], "image/jpeg").sha256
    declared = a_pipeline(golden_samples=["good.jpg"])
    store_versions(url, [DeclaredVersion(declared, (golden,)), DeclaredVersion(a_pipeline("casting"), ())])
    with closing(SqlArchive(url)) as archive, closing(SqlChallengeStore(url)) as store:
        states = LineStates(archive, SqlLineStore(url))
        yield ChallengeSets(states, store, evidence, CameraPictureReader(()), now=lambda: NOON)


def test_pictures_are_kept_with_their_labels(sets: ChallengeSets) -> None:
    added = sets.add("pcb", [a_picture(0), a_picture(1, is_ng=False)], "ann", "the first lot")
    first, second = sets.parts("pcb")
    assert added.numbers == (first.number, second.number)
    assert (first.is_ng, first.group, first.note, first.author, first.at) == (
        True,
        "lot 7",
        "from the shelf",
        "ann",
        NOON,
    )
    assert not second.is_ng
    assert sets.evidence.get(first.sha256) == BOARDS[0]
    assert sets.parts("casting") == []


def test_the_same_picture_is_added_once(sets: ChallengeSets) -> None:
    sets.add("pcb", [a_picture(0)], "ann")
    assert sets.add("pcb", [a_picture(0), a_picture(1), a_picture(1)], "bob").known == 2
    assert len(sets.parts("pcb")) == 2


@pytest.mark.parametrize(
    ("picture", "complaint"),
    [
        (a_picture(3), "board 3: is a golden sample of the line"),
        (a_picture(0, is_ng=False), "board 0: is in the set as NG already"),
        (a_picture(1)._replace(data=b"no picture"), "board 1: "),
        (a_picture(1)._replace(data=BOARDS[1][:2000]), "board 1: .*damaged or cut off"),
        (a_picture(1)._replace(group="g" * 129), "board 1: group: 129 characters"),
    ],
)
def test_an_unusable_picture_is_named_and_nothing_is_added(
    sets: ChallengeSets, picture: ChallengePicture, complaint: str
) -> None:
    sets.add("pcb", [a_picture(0)], "ann")
    with pytest.raises(
        InspectorError, match=rf"1 picture\(s\) can't be challenge parts, nothing was added: {complaint}"
    ):
        sets.add("pcb", [a_picture(2), picture], "ann")
    assert len(sets.parts("pcb")) == 1


def test_what_is_wrong_with_many_pictures_is_said_once(sets: ChallengeSets) -> None:
    sets.add("pcb", [a_picture(number) for number in range(3)], "ann")
    wrong = [a_picture(number, is_ng=False) for number in range(3)] + [a_picture(3)]
    with pytest.raises(InspectorError) as refused:
        sets.add("pcb", wrong, "ann")
    assert str(refused.value) == (
        "4 picture(s) can't be challenge parts, nothing was added: board 0, board 1, board 2: is in the set as NG "
        "already; remove that part first, or correct the label; board 3: is a golden sample of the line, which the "
        "model is shown; choose another picture"
    )


def test_a_removed_part_may_come_back_under_another_label(sets: ChallengeSets) -> None:
    [number] = sets.add("pcb", [a_picture(0)], "ann").numbers
    assert sets.remove("pcb", [number], "bob", "was OK after all") == 1
    assert sets.parts("pcb") == []
    [again] = sets.add("pcb", [a_picture(0, is_ng=False)], "ann").numbers
    assert again > number


def test_unknown_numbers_are_named_and_nothing_is_removed(sets: ChallengeSets) -> None:
    [number] = sets.add("pcb", [a_picture(0)], "ann").numbers
    with pytest.raises(InspectorError, match="the challenge set of pcb has no part 77"):
        sets.remove("pcb", [number, 77], "ann")
    with pytest.raises(InspectorError, match="the challenge set of casting has no part"):
        sets.remove("casting", [number], "ann")
    assert len(sets.parts("pcb")) == 1


def test_a_set_is_bounded(sets: ChallengeSets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.lines.challenge.MAX_CHALLENGE_PARTS", 2)
    with pytest.raises(InspectorError, match="at most 2 parts"):
        sets.add("pcb", [a_picture(number) for number in range(3)], "ann")
    assert sets.parts("pcb") == []


def test_an_unknown_line_is_named(sets: ChallengeSets) -> None:
    with pytest.raises(InspectorError, match="there is no line 'pbc'"):
        replace(sets).add("pbc", [a_picture(0)], "ann")
