"""From a tally to a disposition: doubt never becomes PASS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.declarations import a_pipeline, thresholds, votes

from inspector.domain.decision import Decision, Reason, Verdict, decide, enforce_deadline, fail_safe
from inspector.domain.declared import Disposition, ViewName
from inspector.domain.pipeline import CountMethod, Pipeline, Thresholds
from inspector.domain.vote import Counting, Opinion, StoppedBy, Tally, Vote

PIPELINE = a_pipeline()
FAIL_SAFES = (Disposition.REVIEW, Disposition.REJECT)
ENDED = (StoppedBy.SETTLED, StoppedBy.DECIDED, StoppedBy.LADDER_END)


def tally(*answers: float | None) -> Tally:
    return Tally(tuple(Vote(ViewName.DIRECT, 0, p_ng) for p_ng in answers))


@st.composite
def lines(draw: st.DrawFn) -> Pipeline:
    return PIPELINE.model_copy(
        update={
            "thresholds": draw(thresholds()),
            "fail_safe": draw(st.sampled_from(FAIL_SAFES)),
            "count": draw(st.sampled_from(CountMethod)),
        }
    )


tallies = st.lists(votes(), max_size=5).map(lambda given: Tally(tuple(given)))


@pytest.mark.parametrize(
    ("answers", "stopped_by", "expected"),
    [
        ((0.05,), StoppedBy.SETTLED, (Verdict.OK, Disposition.PASS, Reason.NO_DEFECT)),
        ((0.05,), StoppedBy.LADDER_END, (Verdict.OK, Disposition.PASS, Reason.NO_DEFECT)),
        ((0.95,), StoppedBy.SETTLED, (Verdict.NG, Disposition.REJECT, Reason.DEFECT)),
        ((0.5,), StoppedBy.LADDER_END, (Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT)),
        ((0.2,), StoppedBy.LADDER_END, (Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT)),
        ((0.8,), StoppedBy.LADDER_END, (Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT)),
        ((0.05,), StoppedBy.DEADLINE, (Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DEADLINE)),
        ((0.05,), StoppedBy.ERROR, (Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.MODEL_ERROR)),
        ((0.95,), StoppedBy.DEADLINE, (Verdict.NG, Disposition.REJECT, Reason.DEFECT)),
        ((0.95,), StoppedBy.ERROR, (Verdict.NG, Disposition.REJECT, Reason.DEFECT)),
        ((), StoppedBy.DEADLINE, (Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DEADLINE)),
        ((None, None), StoppedBy.LADDER_END, (Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.MODEL_ERROR)),
    ],
)
def test_outcomes_by_hand(
    answers: tuple[float | None, ...], stopped_by: StoppedBy, expected: tuple[Verdict, Disposition, Reason]
) -> None:
    made = decide(PIPELINE, tally(*answers), stopped_by)
    assert (made.verdict, made.disposition, made.reason) == expected


@given(lines(), tallies, st.sampled_from(StoppedBy))
def test_a_part_passes_only_on_a_low_score_of_a_ladder_that_was_not_cut_short(
    line: Pipeline, counted: Tally, stopped_by: StoppedBy
) -> None:
    if decide(line, counted, stopped_by).disposition is Disposition.PASS:
        assert stopped_by in ENDED
        assert counted.score is not None
        assert counted.score < line.thresholds.pass_below


@given(lines(), tallies, st.sampled_from(StoppedBy), st.booleans())
def test_what_was_not_proved_gets_the_lines_fail_safe(
    line: Pipeline, counted: Tally, stopped_by: StoppedBy, late: bool
) -> None:
    made = enforce_deadline(decide(line, counted, stopped_by), line, late=late)
    if made.reason in (Reason.DEADLINE, Reason.MODEL_ERROR):
        assert made.disposition is line.fail_safe
        assert made.verdict is Verdict.INCONCLUSIVE
        assert made.detail


@given(lines(), tallies, st.sampled_from(StoppedBy))
def test_a_late_decision_is_never_a_pass(line: Pipeline, counted: Tally, stopped_by: StoppedBy) -> None:
    made = enforce_deadline(decide(line, counted, stopped_by), line, late=True)
    assert made.disposition is not Disposition.PASS


@given(lines(), tallies, st.sampled_from(StoppedBy))
def test_being_late_changes_nothing_but_a_pass(line: Pipeline, counted: Tally, stopped_by: StoppedBy) -> None:
    made = decide(line, counted, stopped_by)
    assert enforce_deadline(made, line, late=False) == made
    if made.disposition is not Disposition.PASS:
        assert enforce_deadline(made, line, late=True) == made


@given(tallies, st.floats(0, 1), st.sampled_from(ENDED))
def test_a_lower_pass_threshold_never_passes_more(counted: Tally, pass_below: float, stopped_by: StoppedBy) -> None:
    strict = PIPELINE.model_copy(update={"thresholds": Thresholds(pass_below=pass_below / 2, reject_above=1.0)})
    loose = PIPELINE.model_copy(update={"thresholds": Thresholds(pass_below=pass_below, reject_above=1.0)})
    if decide(strict, counted, stopped_by).disposition is Disposition.PASS:
        assert decide(loose, counted, stopped_by).disposition is Disposition.PASS


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("reason", Reason)
def test_a_pass_without_proof_can_not_exist(verdict: Verdict, reason: Reason) -> None:
    if (verdict, reason) == (Verdict.OK, Reason.NO_DEFECT):
        assert Decision(verdict, Disposition.PASS, reason).disposition is Disposition.PASS
    else:
        with pytest.raises(ValueError, match="PASS needs OK"):
            Decision(verdict, Disposition.PASS, reason)


@pytest.mark.parametrize("reason", Reason)
def test_a_fail_safe_can_not_be_a_pass(reason: Reason) -> None:
    with pytest.raises(ValueError, match="PASS needs OK"):
        fail_safe(Disposition.PASS, reason, "why not")


DOUBTING = a_pipeline(golden_samples=["a.png"], second_opinion={"by": "patches", "doubt_above": 0.6})


def heard(tally: Tally, opinion: float | None) -> Tally:
    return Tally(tally.votes, Counting(opinion=None if opinion is None else Opinion(opinion)))


@given(tallies, st.sampled_from(StoppedBy), st.none() | st.floats(0.0, 1.0))
def test_a_second_opinion_that_nobody_learned_to_weigh_can_only_withhold_a_pass(
    given_votes: Tally, stopped_by: StoppedBy, opinion: float | None
) -> None:
    alone = decide(PIPELINE, given_votes, stopped_by)
    both = decide(DOUBTING, heard(given_votes, opinion), stopped_by)
    withheld = alone.disposition is Disposition.PASS and (opinion is None or opinion > 0.6)
    assert both.disposition is (Disposition.REVIEW if withheld else alone.disposition)
    assert both.reason is (Reason.DISAGREEMENT if withheld else alone.reason)


def test_a_withheld_pass_says_why() -> None:
    assert decide(DOUBTING, heard(tally(0.01), 0.7), StoppedBy.SETTLED).detail == (
        "the second opinion doubts that it is good"
    )
