"""The fusion of both opinions: the evidence it needs, and the weights it must not have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.declared import ViewName
from inspector.domain.learned import Fusion
from inspector.domain.log_odds import expit
from inspector.domain.vote import Counting, LabelledVotes, Opinion, Tally, Vote
from inspector.tuning.fusion import MIN_PER_CLASS, learn

shares = st.floats(0.0, 1.0)
weights = st.builds(
    Fusion,
    votes=st.floats(0.0, 5.0),
    patches=st.floats(0.0, 5.0),
    intercept=st.floats(-5.0, 5.0),
    frames=st.just(100),
    ng_share=st.floats(0.01, 0.99),
)


def a_part(votes: float, patches: float, ng: bool | None) -> LabelledVotes:
    """A part whose two opinions have these log-odds."""
    return LabelledVotes((Vote(ViewName.DIRECT, 0, expit(votes)),), ng, Opinion(expit(patches)))


def some_parts(count: int, votes: float, patches: float, seed: int = 0) -> list[LabelledVotes]:
    """OK and NG in turn; the two numbers say how far each opinion lies on the right side, beside noise of 1."""
    rng = np.random.default_rng(seed)
    sides = [1.0 if k % 2 else -1.0 for k in range(count)]
    noise = rng.standard_normal((count, 2)).tolist()
    return [
        a_part(side * votes + one, side * patches + other, side > 0.0)
        for side, (one, other) in zip(sides, noise, strict=True)
    ]


def test_the_weights_that_separate_best_are_found() -> None:
    found = learn(some_parts(4000, votes=1.0, patches=0.5), Counting())
    assert found.votes == pytest.approx(2.0, abs=0.3)  # normal noise of 1: twice the distance
    assert found.patches == pytest.approx(1.0, abs=0.3)
    assert found.intercept == pytest.approx(0.0, abs=0.2)
    assert (found.frames, found.ng_share) == (4000, 0.5)


@pytest.mark.parametrize(("votes", "patches"), [(1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)])
def test_an_opinion_that_spoke_against_itself_is_left_out(votes: float, patches: float) -> None:
    found = learn(some_parts(400, votes, patches), Counting())
    assert (found.votes > 0.0, found.patches > 0.0) == (votes > 0.0, patches > 0.0)


def test_two_opinions_that_err_apart_rank_better_than_either() -> None:
    taught, held_out = some_parts(400, 1.0, 1.0), some_parts(400, 1.0, 1.0, seed=1)
    fusion = learn(taught, Counting())
    errors = {
        "votes": sum((part.votes[0].log_odds > 0.0) != part.ng for part in held_out),
        "patches": sum((part.opinion.log_odds > 0.0) != part.ng for part in held_out if part.opinion),
        "both": sum((_score(part, fusion) > 0.5) != part.ng for part in held_out),
    }
    assert errors["both"] < min(errors["votes"], errors["patches"])


def test_a_part_represents_as_many_parts_as_its_weight_says() -> None:
    parts = some_parts(100, 1.0, 1.0)
    found = learn(parts, Counting(), [3.0 if part.ng else 1.0 for part in parts])
    assert found.ng_share == pytest.approx(0.75)


@pytest.mark.parametrize(("ng", "missing"), [(MIN_PER_CLASS - 3, "3 labelled NG"), (0, "20 labelled NG")])
def test_too_few_parts_teach_nothing_and_say_how_many_are_missing(ng: int, missing: str) -> None:
    parts = [a_part(0.0, 0.0, k < ng) for k in range(100)]
    with pytest.raises(ValueError, match=missing):
        learn(parts, Counting())


def test_parts_without_truth_or_without_a_second_opinion_teach_nothing() -> None:
    parts = some_parts(100, 1.0, 1.0)
    others = [part._replace(ng=None) for part in parts] + [part._replace(opinion=None) for part in parts]
    assert learn([*parts, *others], Counting()) == learn(parts, Counting())


@given(weights, shares, shares, shares)
def test_more_suspicion_never_makes_a_part_better(fusion: Fusion, p_ng: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert _fused(fusion, p_ng, low) <= _fused(fusion, p_ng, high)
    assert _fused(fusion, low, p_ng) <= _fused(fusion, high, p_ng)


@given(weights, shares)
def test_without_a_second_opinion_a_fusion_changes_nothing(fusion: Fusion, p_ng: float) -> None:
    votes = (Vote(ViewName.DIRECT, 0, p_ng),)
    assert Tally(votes, Counting(fusion=fusion)).score == Tally(votes).score
    assert Tally(votes, Counting(opinion=Opinion(p_ng))).score == Tally(votes).score


def _score(part: LabelledVotes, fusion: Fusion) -> float:
    assert part.votes[0].p_ng is not None
    assert part.opinion is not None
    return _fused(fusion, part.votes[0].p_ng, part.opinion.p_ng)


def _fused(fusion: Fusion, p_ng: float, opinion: float) -> float:
    counting = Counting(fusion=fusion, opinion=Opinion(opinion))
    score = Tally((Vote(ViewName.DIRECT, 0, p_ng),), counting).score
    assert score is not None
    return score
