"""The choice of checklist questions by their answers about parts whose truth is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.tuning.checklist import CandidateQuestion
from inspector.tuning.checklist_trial import (
    MIN_REVIEWED_PER_CLASS,
    Scores,
    TrialAnswers,
    TrialResult,
    choose_questions,
    evaluate_candidates,
)

SHORT, PLAIN_SHORT = (
    CandidateQuestion("short", "Is copper bridged?"),
    CandidateQuestion("short", "Is there a short?", written=False),
)
HOLE, PLAIN_HOLE = (
    CandidateQuestion("hole", "Is a hole closed?"),
    CandidateQuestion("hole", "Is there a hole?", written=False),
)
ALL = (SHORT, PLAIN_SHORT, HOLE, PLAIN_HOLE)
GOOD = ((0.1, 0.1, 0.1, 0.1),)
PROBABILITY = st.none() | st.floats(0.0, 1.0)
SAID = st.lists(st.tuples(*[PROBABILITY] * 4), min_size=1, max_size=15).map(tuple)


def tried(answers: TrialAnswers) -> dict[str, TrialResult]:
    return {each.candidate.text: each for each in evaluate_candidates(ALL, answers)}


def each_kind(ok: Scores, *ng: Scores) -> TrialAnswers:
    """As many good parts as are needed, all alike, and NG parts of several looks in turn."""
    return TrialAnswers(
        GOOD, (ok,) * MIN_REVIEWED_PER_CLASS, tuple(ng[place % len(ng)] for place in range(MIN_REVIEWED_PER_CLASS))
    )


def test_without_reviewed_parts_golden_samples_alone_speak() -> None:
    found = evaluate_candidates(ALL, TrialAnswers(GOOD))
    assert choose_questions(found) == (SHORT, HOLE)
    assert all(each.discrimination is None and not each.fault for each in found)


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (0.71, "answers Yes about golden sample 2 (p_ng 0.71)"),
        (None, "gives an unreadable answer about golden sample 2"),
        (0.5, ""),
    ],
)
def test_a_question_that_calls_a_golden_sample_ng_is_dropped_for_the_plain_one(said: float | None, fault: str) -> None:
    found = evaluate_candidates(ALL, TrialAnswers((*GOOD, (said, 0.1, 0.1, 0.1))))
    assert found[0].fault == fault
    assert choose_questions(found) == (PLAIN_SHORT if fault else SHORT, HOLE)


def test_a_class_whose_questions_all_call_a_golden_sample_ng_is_left_out() -> None:
    assert choose_questions(evaluate_candidates(ALL, TrialAnswers(((0.9, 0.8, 0.1, 0.1),)))) == (HOLE,)


def test_a_question_that_tells_reviewed_parts_apart_is_kept_with_its_figures() -> None:
    found = tried(each_kind((0.1, 0.1, 0.1, 0.1), (0.9, 0.2, 0.1, 0.1)))[SHORT.text]
    assert found.discrimination is not None
    assert (
        found.discrimination.auroc,
        found.discrimination.low,
        found.discrimination.alone,
        found.discrimination.wrong,
    ) == (
        1.0,
        1.0,
        MIN_REVIEWED_PER_CLASS,
        0,
    )
    assert not found.fault


def test_a_question_that_tells_nothing_is_dropped_and_its_plain_one_stays() -> None:
    found = evaluate_candidates(ALL, each_kind((0.1, 0.1, 0.1, 0.1), (0.1, 0.1, 0.9, 0.9)))
    assert found[0].fault == (
        "does not separate OK from NG: AUROC 0.50 (0.24 … 0.76), 0 NG parts that no other question detects, "
        "0 OK parts called NG"
    )
    assert not found[1].fault
    assert choose_questions(found) == (PLAIN_SHORT, HOLE)


def test_a_question_that_is_answered_the_wrong_way_round_is_dropped() -> None:
    assert "AUROC 0.00" in tried(each_kind((0.4, 0.1, 0.1, 0.1), (0.01, 0.1, 0.9, 0.9)))[SHORT.text].fault


def test_a_question_that_alone_sees_a_rare_defect_is_kept_though_its_auroc_is_low() -> None:
    common, rare = (0.1, 0.1, 0.9, 0.9), (0.9, 0.1, 0.1, 0.1)
    found = tried(each_kind((0.1, 0.1, 0.1, 0.1), *[common] * (MIN_REVIEWED_PER_CLASS - 1), rare))[SHORT.text]
    assert found.discrimination is not None
    assert found.discrimination.low < 0.5
    assert (found.discrimination.alone, found.fault) == (1, "")


def test_what_a_dropped_question_sees_takes_nothing_from_the_others() -> None:
    answers = each_kind((0.1, 0.1, 0.1, 0.1), (0.9, 0.1, 0.9, 0.1))
    shown = tried(answers._replace(golden=((0.1, 0.1, 0.9, 0.1),)))[SHORT.text].discrimination
    assert shown is not None
    assert shown.alone == MIN_REVIEWED_PER_CLASS


def test_few_reviewed_parts_are_shown_and_drop_nothing() -> None:
    answers = each_kind((0.1, 0.1, 0.1, 0.1), (0.1, 0.1, 0.9, 0.9))
    found = tried(answers._replace(ng=answers.ng[: MIN_REVIEWED_PER_CLASS - 1]))[SHORT.text]
    assert found.discrimination is not None
    assert not found.fault


def test_of_two_questions_about_a_class_the_one_that_tells_more_is_asked() -> None:
    assert choose_questions(
        evaluate_candidates(ALL, each_kind((0.3, 0.1, 0.1, 0.1), (0.4, 0.9, 0.9, 0.9), (0.2, 0.9, 0.9, 0.9)))
    ) == (
        PLAIN_SHORT,
        HOLE,
    )


def test_an_answer_that_can_not_be_read_counts_as_doubt_among_reviewed_parts() -> None:
    shown = tried(TrialAnswers(GOOD, ((0.1, 0.1, 0.1, 0.1),), ((None, 0.1, 0.1, 0.1),)))[SHORT.text].discrimination
    assert shown is not None
    assert (shown.auroc, shown.alone) == (1.0, 0)


@given(SAID, SAID, SAID)
def test_no_class_is_asked_twice_and_nothing_dropped_is_asked(
    golden: tuple[Scores, ...], ok: tuple[Scores, ...], ng: tuple[Scores, ...]
) -> None:
    found = evaluate_candidates(ALL, TrialAnswers(golden, ok, ng))
    asked = choose_questions(found)
    assert len({each.defect for each in asked}) == len(asked)
    dropped = {each.candidate for each in found if each.fault}
    assert dropped.isdisjoint(asked)
    assert {each.candidate.defect for each in found if not each.fault} == {each.defect for each in asked}


@given(SAID, SAID)
def test_the_auroc_of_parts_told_the_other_way_round_is_what_is_left_to_one(
    ok: tuple[Scores, ...], ng: tuple[Scores, ...]
) -> None:
    ways = (evaluate_candidates(ALL, TrialAnswers(GOOD, one, other)) for one, other in ((ok, ng), (ng, ok)))
    for there, back in zip(*ways, strict=True):
        assert there.discrimination is not None
        assert back.discrimination is not None
        assert there.discrimination.auroc + back.discrimination.auroc == pytest.approx(1.0)
        assert 0.0 <= there.discrimination.low <= there.discrimination.auroc <= there.discrimination.high <= 1.0
