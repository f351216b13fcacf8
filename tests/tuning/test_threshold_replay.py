"""Outcomes at many limits at once equal the replay of each pair of limits."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fakes import PASSED, a_part, a_pipeline
from support.labelled_histories import FINGERPRINT

from inspector.domain.declared import ViewName
from inspector.domain.learned import LearnedSettings
from inspector.domain.part_history import PartHistory
from inspector.domain.pipeline import Pipeline, Thresholds
from inspector.domain.vote import Opinion, StoppedBy, Vote
from inspector.tuning.counterfactual import Replay
from inspector.tuning.threshold_replay import ThresholdReplay
from inspector.tuning.vote_table import OUTCOME_OF, LimitGrid, ReplayedOutcome

LADDER = [{"views": ["direct"]}, {"views": ["paraphrase"]}, {"views": ["zoom"]}]
GRID = LimitGrid((0.01, 0.2, 0.3, 0.5, 0.8), (0.3, 0.5, 0.8, 0.99))
VIEWS = (ViewName.DIRECT, ViewName.PARAPHRASE, ViewName.ZOOM)
PROBABILITIES = st.none() | st.sampled_from([0.001, 0.05, 0.2, 0.3, 0.5, 0.8, 0.97, 0.999])
PIPELINES = [
    a_pipeline(ladder=LADDER),
    a_pipeline(ladder=LADDER, count="majority", settle={"confidence": 0.7, "max_votes": 2}),
    a_pipeline(ladder=LADDER, fail_safe="REJECT", settle={"confidence": 0.99, "prior": 0.05}),
    a_pipeline(ladder=LADDER, second_opinion={"by": "patches", "doubt_above": 0.6}, golden_samples=["a.png"]),
    a_pipeline(ladder=LADDER, second_opinion={"by": "taught", "doubt_above": 0.5, "model": "a" * 64}),
    a_pipeline(
        ladder=LADDER,
        second_opinion={"by": "patches", "doubt_above": 0.6},
        golden_samples=["a.png"],
        thresholds={"pass_below": 0.0, "reject_above": 1.0},
    ),
    a_pipeline(ladder=LADDER).model_copy(update={"learned": LearnedSettings(fingerprint=FINGERPRINT, capped=(1,))}),
]


def replayed_one_by_one(past: PartHistory, line: Pipeline) -> list[list[ReplayedOutcome]]:
    def outcome(low: float, high: float) -> ReplayedOutcome:
        moved = line.model_copy(update={"thresholds": Thresholds(pass_below=low, reject_above=high)})
        found = Replay(moved, FINGERPRINT).outcome(past)
        return OUTCOME_OF[found.disposition] if found else ReplayedOutcome.UNKNOWN

    return [
        [outcome(low, high) if low <= high else ReplayedOutcome.UNKNOWN for low in GRID.pass_below]
        for high in GRID.reject_above
    ]


@pytest.mark.parametrize("line", PIPELINES)
@given(
    p_ng=st.lists(PROBABILITIES, min_size=0, max_size=3),
    stopped_by=st.sampled_from([StoppedBy.SETTLED, StoppedBy.DECIDED, StoppedBy.LADDER_END]),
    shadow=st.booleans(),
    opinion=st.none() | st.sampled_from([0.1, 0.9]),
    readable=st.sampled_from([None, 0.2, 0.9]),
)
@settings(max_examples=60, deadline=None)
def test_the_grid_equals_the_replay_of_each_pair(
    line: Pipeline,
    p_ng: list[float | None],
    stopped_by: StoppedBy,
    shadow: bool,
    opinion: float | None,
    readable: float | None,
) -> None:
    votes = tuple(Vote(VIEWS[rung], rung, each, readable=readable) for rung, each in enumerate(p_ng))
    seen = Opinion(opinion) if opinion is not None else None
    part = a_part(votes=votes, stopped_by=stopped_by, decision=PASSED, opinion=seen)
    past = PartHistory(part, votes if shadow else ())
    [found] = ThresholdReplay(line, FINGERPRINT, GRID).outcomes([past])
    expected = np.array(replayed_one_by_one(past, line))
    assert (found[GRID.is_pair] == expected[GRID.is_pair]).all()


def test_many_parts_keep_their_places() -> None:
    dice = random.Random(3)
    pasts = [
        PartHistory(a_part(f"t-{k}", votes=(vote,), stopped_by=StoppedBy.LADDER_END, decision=PASSED), (vote,))
        for k in range(20)
        for vote in (Vote(ViewName.DIRECT, 0, dice.random()),)
    ]
    found = ThresholdReplay(PIPELINES[0], FINGERPRINT, LimitGrid((0.2,), (0.8,))).outcomes(pasts)
    for number, past in enumerate(pasts):
        score = past.shadow[0].p_ng or 0.0
        expected = ReplayedOutcome.PASS if score < 0.2 else ReplayedOutcome.REVIEW
        assert found[number, 0, 0] == (ReplayedOutcome.REJECT if score > 0.8 else expected)
