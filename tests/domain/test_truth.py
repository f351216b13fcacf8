"""The truth of a part out of people's answers, and what the line has to hear of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.reviews import NG, OK, UNSURE, a_review

from inspector.domain.declared import Disposition
from inspector.domain.review import Review, ReviewLabel, ReviewMode
from inspector.domain.truth import TruthState, disposition_change, standing, truth_of

PASS, REJECT, REVIEW = Disposition.PASS, Disposition.REJECT, Disposition.REVIEW
ANSWERS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(ReviewLabel)), min_size=1, max_size=8)


def said(*answers: tuple[str, ReviewLabel]) -> list[Review]:
    return [a_review("r", label, by) for by, label in answers]


def adjudicated(label: ReviewLabel, by: str = "eve") -> Review:
    return a_review("r", label, by, mode=ReviewMode.ADJUDICATION)


def withdrawn(review: Review) -> Review:
    return a_review("r", None, review.reviewer, supersedes=review.review_id)


@pytest.mark.parametrize(
    ("answers", "state", "label"),
    [
        ([("a", OK)], TruthState.SINGLE, OK),
        ([("a", UNSURE)], TruthState.SINGLE, UNSURE),
        ([("a", NG), ("b", NG)], TruthState.AGREED, NG),
        ([("a", UNSURE), ("b", UNSURE)], TruthState.AGREED, UNSURE),
        ([("a", OK), ("b", NG)], TruthState.DISPUTED, None),
        ([("a", NG), ("b", NG), ("c", OK)], TruthState.DISPUTED, None),
        pytest.param([("a", UNSURE), ("b", OK)], TruthState.SINGLE, OK, id="unsure abstains"),
        pytest.param([("a", OK), ("a", NG)], TruthState.SINGLE, NG, id="a reviewer's newest answer counts"),
    ],
)
def test_truth_of_answers(answers: list[tuple[str, ReviewLabel]], state: TruthState, label: ReviewLabel | None) -> None:
    truth = truth_of(said(*answers))
    assert (truth.state, truth.label) == (state, label)


def test_disputed_part_counts_nowhere_until_it_is_adjudicated() -> None:
    rows = said(("a", OK), ("b", NG))
    assert (truth_of(rows).is_ng, truth_of(rows).disposition) == (None, None)
    rows.append(adjudicated(NG))
    assert (truth_of(rows).state, truth_of(rows).is_ng) == (TruthState.ADJUDICATED, True)
    rows += said(("c", OK))
    assert truth_of(rows).is_ng is True, "later answers do not undo an adjudication"
    rows.append(withdrawn(rows[2]))
    assert truth_of(rows).state is TruthState.DISPUTED


def test_withdrawn_answer_leaves_what_stood_before() -> None:
    rows = said(("a", OK), ("b", NG))
    rows.append(withdrawn(rows[1]))
    assert (truth_of(rows).state, truth_of(rows).label) == (TruthState.SINGLE, OK)
    rows.append(withdrawn(rows[0]))
    assert (truth_of(rows).state, truth_of(rows).label, truth_of(rows).reviews) == (TruthState.WITHDRAWN, None, 0)


@given(ANSWERS, st.randoms())
def test_order_of_different_reviewers_does_not_matter(
    answers: list[tuple[str, ReviewLabel]], random: st.DataObject
) -> None:
    by_reviewer = list(dict(answers).items())
    shuffled = list(by_reviewer)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert truth_of(said(*by_reviewer))[:3] == truth_of(said(*shuffled))[:3]


@given(ANSWERS)
def test_no_part_is_passed_while_somebody_says_ng(answers: list[tuple[str, ReviewLabel]]) -> None:
    rows = said(*answers)
    if any(each.label is NG for each in standing(rows)):
        assert truth_of(rows).disposition is not PASS


@given(ANSWERS)
def test_all_rows_withdrawn_is_no_truth(answers: list[tuple[str, ReviewLabel]]) -> None:
    rows = said(*answers)
    assert truth_of([*rows, *map(withdrawn, standing(rows))]).is_ng in (None, *(each.label is NG for each in rows))
    every = [*rows, *map(withdrawn, rows)]
    assert truth_of(every).state is TruthState.WITHDRAWN


@pytest.mark.parametrize(
    ("heard", "was_announced", "answers", "change"),
    [
        (REVIEW, False, [("a", OK)], PASS),
        (REVIEW, False, [("a", NG)], REJECT),
        (REVIEW, False, [("a", UNSURE)], None),
        (REVIEW, False, [("a", OK), ("b", NG)], None),
        pytest.param(PASS, True, [("a", OK), ("b", NG)], REVIEW, id="a dispute takes back what was announced"),
        pytest.param(PASS, True, [("a", UNSURE)], REVIEW, id="doubt takes it back too"),
        pytest.param(PASS, False, [("a", OK)], None, id="the line knows it"),
        pytest.param(PASS, False, [("a", NG)], REJECT, id="an escape"),
        pytest.param(REJECT, False, [("a", OK)], PASS, id="overkill"),
        pytest.param(PASS, False, [("a", OK), ("b", NG)], None, id="nothing was announced"),
    ],
)
def test_line_hears_what_it_does_not_know(
    heard: Disposition, was_announced: bool, answers: list[tuple[str, ReviewLabel]], change: Disposition | None
) -> None:
    assert disposition_change(heard, was_announced, truth_of(said(*answers))) is change


def test_review_sent_again_is_the_same_review() -> None:
    review = a_review("r", NG, classes=("scratch",))
    assert replace(review, at=review.at.replace(hour=3), seconds=2.0, supersedes="x").repeats(review)
    assert not replace(review, label=OK).repeats(review)
