"""The search for the cheapest ladder on stored votes."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from inspector.domain.declared import ViewName
from inspector.domain.log_odds import expit
from inspector.domain.pipeline import SettlePolicy, Thresholds
from inspector.domain.stopping import is_settled
from inspector.domain.vote import Counting, LabelledVotes, Tally, Vote
from inspector.tuning.ladder_search import (
    THRESHOLD_GRID,
    EvaluatedLadder,
    RiskLimits,
    cheapest,
    evaluate_ladders,
    pareto_front,
)

DIRECT, PARAPHRASE, ZOOM = ViewName.DIRECT, ViewName.PARAPHRASE, ViewName.ZOOM
SEPARATE = ViewName.SEPARATE
STRICT = Thresholds(pass_below=0.2, reject_above=0.8)
COUNTING = Counting()


def drawn(parts: int = 60) -> list[LabelledVotes]:
    """Direct is cheap and poor, zoom dear and good; some answers can't be read."""
    rng = np.random.default_rng(5)

    def vote(view: ViewName, ng: bool, strength: float, ms: float) -> Vote:
        p_ng = expit((strength if ng else -strength) + 1.5 * rng.normal())
        return Vote(view, 0, None if rng.random() < 0.05 else p_ng, tokens=1, ms=ms + rng.random())

    return [
        LabelledVotes(
            (
                vote(DIRECT, ng, 1.0, 20.0),
                vote(PARAPHRASE, ng, 1.0, 30.0),
                vote(PARAPHRASE, ng, 1.0, 35.0),
                vote(ZOOM, ng, 4.0, 90.0),
            ),
            ng,
        )
        for ng in (bool(number % 2) for number in range(parts))
    ]


PARTS = drawn()


def replayed(ladder: tuple[tuple[ViewName, ...], ...], thresholds: Thresholds, part: LabelledVotes) -> Tally:
    """Rung by rung, as a reader of the rules would do it by hand."""
    asked: tuple[Vote, ...] = ()
    for views in ladder:
        asked += tuple(vote for vote in part.votes if vote.view in views)
        if is_settled(Tally(asked, COUNTING), SettlePolicy(confidence=0.95), thresholds):
            break
    return Tally(asked, COUNTING)


@pytest.mark.parametrize("ladder", [((DIRECT,),), ((DIRECT,), (ZOOM,)), ((ZOOM,), (PARAPHRASE,), (DIRECT,))])
def test_a_plan_does_what_the_rules_do_part_by_part(ladder: tuple[tuple[ViewName, ...], ...]) -> None:
    found = next(plan for plan in evaluate_ladders(PARTS, COUNTING, 0.95, grid=[STRICT]) if plan.ladder == ladder)
    ends = [replayed(ladder, STRICT, part) for part in PARTS]
    scores = [math.nan if end.score is None else end.score for end in ends]
    ng = [bool(part.ng) for part in PARTS]
    assert found.escape == pytest.approx(sum(s < 0.2 and bad for s, bad in zip(scores, ng, strict=True)) / sum(ng))
    assert found.overkill == pytest.approx(sum(s > 0.8 and not bad for s, bad in zip(scores, ng, strict=True)) / 30)
    assert found.review == pytest.approx(sum(not (s < 0.2 or s > 0.8) for s in scores) / len(scores))
    assert found.votes == pytest.approx(sum(len(end.votes) for end in ends) / len(ends))
    assert found.tokens == found.votes


def test_a_part_without_readable_votes_goes_to_review() -> None:
    mute = [LabelledVotes((Vote(DIRECT, 0, None),), True), LabelledVotes((Vote(DIRECT, 0, None),), False)]
    assert [plan.review for plan in evaluate_ladders(mute, COUNTING, 0.95, grid=[STRICT])] == [1.0]


def test_time_is_that_of_the_slowest_vote_of_each_rung() -> None:
    parts = [
        LabelledVotes((Vote(DIRECT, 0, 0.5, ms=20.0), Vote(PARAPHRASE, 0, 0.5, ms=30.0)), ng) for ng in (True, False)
    ]
    times = {
        plan.ladder: plan.ms
        for plan in evaluate_ladders(parts, COUNTING, 0.95, [(DIRECT,), (DIRECT, PARAPHRASE)], [STRICT])
    }
    assert times == {((DIRECT,),): 20.0, ((DIRECT, PARAPHRASE),): 30.0}
    apart = {plan.ladder: plan.ms for plan in evaluate_ladders(parts, COUNTING, 0.95, grid=[STRICT])}
    assert apart[(DIRECT,), (PARAPHRASE,)] == 50.0


def test_every_order_of_every_subset_is_tried_and_no_view_asked_twice() -> None:
    ladders = {plan.ladder for plan in evaluate_ladders(PARTS, COUNTING, 0.95, grid=[STRICT])}
    views = [(DIRECT,), (PARAPHRASE,), (ZOOM,)]
    assert ladders == {order for length in (1, 2, 3) for order in itertools.permutations(views, length)}
    overlapping = evaluate_ladders(PARTS, COUNTING, 0.95, [(DIRECT,), (DIRECT, ZOOM)], [STRICT])
    assert all(len(plan.ladder) == 1 for plan in overlapping)


def test_front_holds_what_no_plan_beats_and_leaves_nothing_else_out() -> None:
    found = evaluate_ladders(PARTS, COUNTING, 0.95, grid=THRESHOLD_GRID[::5])
    kept = pareto_front(found)

    def beats(one: EvaluatedLadder, other: EvaluatedLadder) -> bool:
        pairs = list(zip(one.costs, other.costs, strict=True))
        return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)

    assert not any(beats(one, other) for one in found for other in kept)
    assert {plan.costs for plan in kept} == {
        plan.costs for plan in found if not any(beats(other, plan) for other in found)
    }
    assert len({plan.costs for plan in kept}) == len(kept)
    assert [plan.ms for plan in kept] == sorted(plan.ms for plan in kept)


def test_the_cheapest_plan_keeps_the_limits_and_nothing_within_them_is_faster() -> None:
    found, limits = evaluate_ladders(PARTS, COUNTING, 0.95), RiskLimits(escape=0.15, overkill=0.1, review=0.3)
    best = cheapest(found, limits)
    assert best is not None
    assert limits.allows(best)
    assert best.ms == min(plan.ms for plan in found if limits.allows(plan))
    assert best in pareto_front(found)


def test_limits_that_nothing_keeps_give_no_plan() -> None:
    assert cheapest(evaluate_ladders(PARTS, COUNTING, 0.95), RiskLimits(escape=0.0, overkill=0.0, review=0.0)) is None


def test_sharper_limits_never_cost_less() -> None:
    found = evaluate_ladders(PARTS, COUNTING, 0.95)
    costs = [
        best.ms
        for review in (1.0, 0.5, 0.3, 0.2)
        if (best := cheapest(found, RiskLimits(0.15, review=review))) is not None
    ]
    assert costs == sorted(costs)


def test_a_dear_view_is_asked_first_only_where_it_pays() -> None:
    reviewed = {plan.ladder: plan for plan in evaluate_ladders(PARTS, COUNTING, 0.95, grid=[STRICT])}
    assert reviewed[(DIRECT,), (ZOOM,)].votes > reviewed[(ZOOM,),].votes
    assert reviewed[(DIRECT,), (ZOOM,)].first_rung < reviewed[(ZOOM,), (DIRECT,)].first_rung


def test_one_kind_of_parts_is_no_ground_for_a_plan() -> None:
    with pytest.raises(ValueError, match="not 0 OK and 30 NG"):
        evaluate_ladders([part for part in PARTS if part.ng], COUNTING, 0.95)


def test_separate_comes_last_after_two_views_and_counts_where_they_disagree() -> None:
    """Without the disagreement its vote would be wrong: it says NG about each part that is asked."""
    split = (Vote(DIRECT, 0, 0.05), Vote(PARAPHRASE, 1, 0.95), Vote(SEPARATE, 2, 0.9999, ms=50.0))
    agreed = (Vote(DIRECT, 0, 0.05), Vote(PARAPHRASE, 1, 0.05), Vote(SEPARATE, 2, 0.9999, ms=50.0))
    found = evaluate_ladders([LabelledVotes(split, True), LabelledVotes(agreed, False)], COUNTING, 0.6, grid=[STRICT])
    ladders = {each.ladder: each for each in found}
    asking = [ladder for ladder in ladders if any(SEPARATE in views for views in ladder)]
    assert {frozenset(ladder[:2]) for ladder in asking} == {frozenset({(DIRECT,), (PARAPHRASE,)})}
    assert all(ladder[2] == (SEPARATE,) for ladder in asking)
    assert ladders[asking[0]].overkill == 0.0
