"""Limits on the bound: unknown parts, uneven reviews, and what is missing."""

from __future__ import annotations

import numpy as np
import pytest
from support.fakes import PASSED, REJECTED, a_part, a_pipeline
from support.labelled_histories import FINGERPRINT, history
from support.vote_model import drawn_scores, evidence_of_scores, reviewed

from inspector.domain.declared import Disposition, ViewName
from inspector.domain.part_history import PartHistory
from inspector.domain.pipeline import Thresholds
from inspector.domain.vote import StoppedBy, Vote
from inspector.numerics.exact_bounds import upper_bound
from inspector.tuning.review_plan import review_plan
from inspector.tuning.threshold_choice import ThresholdPromise, choose_thresholds, limit_grid
from inspector.tuning.threshold_evidence import VoteEvidence, gather_evidence

LADDER = [{"views": ["direct"]}, {"views": ["zoom"]}]
LINE = a_pipeline(ladder=LADDER, thresholds={"pass_below": 0.2, "reject_above": 0.8})
LIVE = LINE.thresholds
PROMISE = ThresholdPromise(escape=0.05)


def stopped(number: int, score: float, ng: bool, whole: bool = False) -> PartHistory:
    """A part that its first vote settled; with `whole` the second one was asked afterwards."""
    vote = Vote(ViewName.DIRECT, 0, score)
    decision = PASSED if score < LIVE.pass_below else REJECTED
    part = a_part(f"t-{number}", votes=(vote,), stopped_by=StoppedBy.SETTLED, decision=decision)
    return PartHistory(part, (vote, Vote(ViewName.ZOOM, 1, 0.999)) if whole else (), ng)


def evidence(parts: list[PartHistory], *, whole_ladder: bool = False) -> VoteEvidence:
    grid = limit_grid(LINE, PROMISE, whole_ladder=whole_ladder)
    chosen = [part for part in parts if part.shadow or not whole_ladder]
    return gather_evidence(history(chosen), LINE, FINGERPRINT, grid)


def test_votes_of_short_ladders_move_a_limit_without_any_whole_ladder() -> None:
    parts = [stopped(number, 0.99, ng=True) for number in range(70)]
    parts += [stopped(number, 0.01, ng=False) for number in range(70, 200)]
    found = choose_thresholds(evidence(parts), PROMISE, LIVE)
    assert found.chosen is not None
    assert (found.chosen.escape.wrong, found.chosen.escape.parts) == (0, 70)


def test_a_passed_ng_part_is_unknown_at_stricter_limits_and_counts_against_them() -> None:
    parts = [stopped(number, 0.99, ng=True) for number in range(60)]
    parts += [stopped(number, 0.019, ng=number % 2 == 0) for number in range(60, 80)]
    counts = evidence(parts).escapes()
    grid = limit_grid(LINE, PROMISE)
    strict, live = grid.pass_below.index(0.01), grid.pass_below.index(0.2)
    assert counts.wrong[0, strict] == counts.unknown[0, strict] == 10
    assert (counts.wrong[0, live], counts.unknown[0, live]) == (10, 0)
    assert choose_thresholds(evidence(parts), PROMISE, LIVE).chosen is None


def test_whole_ladders_make_the_same_parts_known() -> None:
    parts = [stopped(number, 0.99, ng=True, whole=True) for number in range(60)]
    parts += [stopped(number, 0.019, ng=number % 2 == 0, whole=True) for number in range(60, 80)]
    known = evidence(parts, whole_ladder=True)
    assert not known.unknown().any()
    strict = limit_grid(LINE, PROMISE).pass_below.index(0.01)
    assert known.escapes().wrong[0, strict] == 0


def test_parts_that_a_deadline_decided_are_left_out_and_counted() -> None:
    late = PartHistory(a_part("late", decision=REJECTED, stopped_by=StoppedBy.DEADLINE), (), True)
    found = evidence([stopped(0, 0.99, ng=True), late])
    assert (len(found.truth), found.left_out) == (1, 1)


@pytest.mark.parametrize("passed", [0.1, 0.4, 1.0])
def test_bounds_stay_valid_and_estimates_unbiased_where_people_review_mostly_rejects(passed: float) -> None:
    scores, ng = drawn_scores(3000, seed=4)
    whole = evidence_of_scores(scores, ng, limit_grid(LINE, PROMISE), (0.2, 0.8))
    column = whole.grid.pass_below.index(0.2)
    truth = float((scores[ng] < 0.2).mean())
    shares = {Disposition.PASS: passed, Disposition.REVIEW: 1.0, Disposition.REJECT: 1.0}
    estimates, broken = [], 0
    for seed in range(150):
        counts = reviewed(whole, shares, seed).escapes()
        estimates.append(float(counts.estimate[0, column]))
        broken += upper_bound(int(counts.wrong[0, column]), int(counts.parts[0, column])) < truth
    assert whole.escapes().estimate[0, column] == pytest.approx(truth)
    assert float(np.mean(estimates)) == pytest.approx(truth, abs=0.01)
    assert broken <= 14  # of 150; 5 % are expected at most


def test_passed_parts_without_a_review_prove_nothing() -> None:
    scores, ng = drawn_scores(2000, seed=5)
    whole = evidence_of_scores(scores, ng, limit_grid(LINE, PROMISE), (0.2, 0.8))
    nobody = {Disposition.PASS: 0.0, Disposition.REVIEW: 1.0, Disposition.REJECT: 1.0}
    found = choose_thresholds(reviewed(whole, nobody, 1), PROMISE, LIVE)
    assert found.chosen is None
    assert (found.current.escape.parts, found.current.escape.bound, found.current.escape.estimate) == (0, 1.0, 1.0)
    plan = review_plan(found, 400.0)
    assert plan is not None
    assert plan.more[Disposition.PASS] > 0


def test_rows_are_the_live_limit_alone_unless_overkill_is_promised() -> None:
    both = ThresholdPromise(0.05, overkill=0.02)
    assert limit_grid(LINE, PROMISE).reject_above == (0.8,)
    assert limit_grid(LINE, both).reject_above == (0.5, 0.6, 0.7, 0.8)
    assert max(limit_grid(LINE, both, whole_ladder=True).reject_above) == 0.98
    nothing = a_pipeline(ladder=LADDER, thresholds=Thresholds(pass_below=0.0, reject_above=0.0).model_dump())
    assert limit_grid(nothing, PROMISE).pass_below == (0.0,)
