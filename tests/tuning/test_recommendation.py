"""The recommended ladder: chosen on one half, checked on the other, and applied to a pipeline."""

from __future__ import annotations

import pytest
from support.declarations import a_pipeline
from support.labelled_histories import labelled_history

from inspector.config.lint import unused_settings
from inspector.domain.declared import ViewName
from inspector.domain.pipeline import Pipeline, Thresholds
from inspector.domain.vote import Counting, LabelledVotes, Vote
from inspector.errors import InspectorError
from inspector.tuning.ladder_search import EvaluatedLadder, RiskLimits
from inspector.tuning.recommendation import (
    MIN_REVIEWED_PER_CLASS,
    apply_ladder,
    halves,
    recommend,
    rung_choices,
)

DIRECT, PARAPHRASE, ZOOM, CHECKLIST = ViewName.DIRECT, ViewName.PARAPHRASE, ViewName.ZOOM, ViewName.CHECKLIST
LADDER = [{"views": ["direct"]}, {"views": ["paraphrase", "zoom"], "samples": 2}]
LIMITS = RiskLimits(escape=0.2)


def parts(count: int = 120) -> list[LabelledVotes]:
    return [LabelledVotes(past.shadow, past.is_ng) for past in labelled_history(count).parts]


def a_plan(*ladder: tuple[ViewName, ...]) -> EvaluatedLadder:
    return EvaluatedLadder(ladder, Thresholds(pass_below=0.1, reject_above=0.9), 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0)


def test_the_cheapest_ladder_within_the_limits_is_checked_on_parts_that_had_no_say() -> None:
    line = a_pipeline(ladder=LADDER)
    advice = recommend(parts(), line, Counting(), LIMITS)
    assert (advice.ok, advice.ng) == (60, 60)
    assert advice.chosen is not None
    assert advice.checked is not None
    assert advice.chosen.escape_bound <= LIMITS.escape
    assert advice.is_proved
    assert advice.chosen in advice.front
    assert advice.checked.ladder == advice.chosen.ladder
    assert advice.bound is not None
    assert advice.bound > advice.checked.escape
    assert advice.as_json()["parts"] == {"ok": 60, "ng": 60}


def test_limits_that_nothing_keeps_are_no_advice() -> None:
    mixed = [LabelledVotes((Vote(DIRECT, 0, 0.9 if k % 3 else 0.01),), k % 2 == 1) for k in range(120)]
    advice = recommend(mixed, a_pipeline(ladder=[{"views": ["direct"]}]), Counting(), RiskLimits(0.0, 0.0, 0.0))
    assert (advice.chosen, advice.checked, advice.bound, advice.front) == (None, None, None, ())


def test_too_few_parts_are_refused_with_the_number_that_is_needed() -> None:
    with pytest.raises(InspectorError, match=f"10 OK and 10 NG parts .* {MIN_REVIEWED_PER_CLASS} of each are needed"):
        recommend(parts(20), a_pipeline(ladder=LADDER), Counting(), LIMITS)


def test_halves_share_no_part_and_are_mixed_alike() -> None:
    every = parts(90)
    one, other = halves(every)
    assert len(one) + len(other) == len(every)
    assert abs(sum(part.ng is True for part in one) - sum(part.ng is True for part in other)) <= 1


def test_a_rung_is_one_view_or_what_the_line_declares_together() -> None:
    assert rung_choices(parts(), a_pipeline(ladder=LADDER)) == [(DIRECT,), (PARAPHRASE,), (ZOOM,), (PARAPHRASE, ZOOM)]


@pytest.mark.parametrize(
    "ladder",
    [
        ((DIRECT,),),
        ((PARAPHRASE,), (DIRECT,)),
        ((DIRECT,), (PARAPHRASE, ZOOM)),
        ((CHECKLIST,), (ZOOM,), (DIRECT,)),
        ((CHECKLIST,),),
    ],
)
def test_an_advised_ladder_is_a_pipeline_without_idle_settings(ladder: tuple[tuple[ViewName, ...], ...]) -> None:
    line = a_pipeline(
        ladder=[
            *LADDER,
            {"views": ["checklist", "inverted"], "samples": 2, "reasoning": "budget", "max_tokens": 64},
        ],
        count="weighted",
        paraphrases=["Is it bad?", "Is it good no more?"],
        checklist=["Is there a hole?"],
        settle={"max_votes": 6, "weight_by": "p_true"},
    )
    adopted = apply_ladder(a_plan(*ladder), line)
    assert Pipeline.model_validate(adopted.model_dump()) == adopted
    assert unused_settings(adopted) == []
    assert tuple(rung.views for rung in adopted.ladder) == ladder
    assert adopted.thresholds.pass_below == 0.1
