"""The vote file across interruptions."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.mmad_parts import drafts

from inspector.errors import InspectorError
from inspector.lab.evaluation.mmad.letter_votes import AnswerKind, LetterVote, VoteFile

READ = LetterVote(question="q", kind=AnswerKind.READ, number=0, shares={"A": 0.25, "B": 0.75}, ms=3.5)


def test_answers_survive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "votes.jsonl"
    with VoteFile(path) as votes:
        for vote in (*drafts("A", None, "C"), READ):
            votes.add(vote)
    with VoteFile(path) as again:
        assert again.of("q", AnswerKind.DRAFTED) == drafts("A", None, "C")
        assert again.of("q", AnswerKind.READ) == [READ]
        assert again.of("q", AnswerKind.WRITTEN) == []
        assert again.of("other", AnswerKind.READ) == []


def test_a_later_line_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "votes.jsonl"
    with VoteFile(path) as votes:
        votes.add(READ)
        votes.add(READ.model_copy(update={"p_true": 0.5}))
    assert len(path.read_text().splitlines()) == 2
    with VoteFile(path) as again:
        assert [vote.p_true for vote in again.of("q", AnswerKind.READ)] == [0.5]


@pytest.mark.parametrize("cut", [1, 10, -1])
def test_a_last_line_cut_short_by_a_kill_is_dropped_and_asked_again(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "votes.jsonl"
    with VoteFile(path) as votes:
        for vote in drafts("A", "B"):
            votes.add(vote)
    first, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + last[:cut])
    with VoteFile(path) as again:
        assert again.of("q", AnswerKind.DRAFTED) == drafts("A")
        again.add(drafts("A", "C")[1])
    with VoteFile(path) as last_time:
        assert last_time.of("q", AnswerKind.DRAFTED) == drafts("A", "C")


@pytest.mark.parametrize("row", ["{}", "no json", '{"question":"q","kind":"sung","number":0}', "\x00"])
def test_a_row_that_is_no_answer_is_named_and_nothing_is_lost(tmp_path: Path, row: str) -> None:
    path = tmp_path / "votes.jsonl"
    content = READ.model_dump_json() + f"\n{row}\n"
    path.write_text(content)
    with pytest.raises(InspectorError, match=r"votes\.jsonl:2 is no answer .*--votes"):
        VoteFile(path)
    assert path.read_text() == content


def test_an_unwritable_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InspectorError, match="name another file with --votes"):
        VoteFile(tmp_path)
