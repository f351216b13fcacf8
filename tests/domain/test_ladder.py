"""The grouping of a ladder's questions into batches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.declarations import a_pipeline, pipelines

from inspector.domain.declared import ViewName
from inspector.domain.ladder import question_batches, question_groups, steps
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import PICTURES_OF, Pictures

MIXED = a_pipeline(
    ladder=[{"views": ["direct"]}, {"views": ["paraphrase", "zoom", "checklist"], "samples": 2}],
    checklist=["Is it short?", "Is it open?"],
)


def test_views_of_one_rung_that_share_pictures_are_asked_at_once() -> None:
    asked = question_groups(MIXED, MIXED.ladder[1], seed=0)
    assert [each.pictures for each in asked] == [Pictures.FRAME, Pictures.ZOOM]
    assert [question.view for question in asked[0].questions] == [ViewName.PARAPHRASE] * 2 + [ViewName.CHECKLIST] * 2


def test_checklist_is_one_vote() -> None:
    assert [each.votes for each in question_groups(MIXED, MIXED.ladder[1], seed=0)] == [3, 2]


def test_what_separates_a_claim_is_one_vote_and_comes_after_the_views_that_may_disagree() -> None:
    line = a_pipeline(ladder=[{"views": ["separate", "paraphrase", "zoom"], "samples": 2}, {"views": ["direct"]}])
    (batch, zoom, claim) = question_batches(steps(line, seed=0), max_votes=12)
    assert [batch.pictures, zoom.pictures, claim.pictures] == [Pictures.FRAME, Pictures.ZOOM, Pictures.CLAIM]
    assert claim.votes == 1
    assert question_groups(line, line.ladder[0], seed=0)[-1].pictures is Pictures.CLAIM


def test_rungs_asked_together_share_batches_and_keep_their_numbers() -> None:
    joined = question_batches(steps(MIXED, seed=0), max_votes=12)
    assert [batch.pictures for batch in joined] == [Pictures.FRAME, Pictures.ZOOM]
    assert [asked.rung for asked in joined[0].questions] == [0, 1, 1, 1, 1]
    assert [batch.votes for batch in joined] == [4, 2]


def test_no_more_is_asked_than_may_count() -> None:
    joined = question_batches(steps(MIXED, seed=0), max_votes=4)
    assert [asked.question.view for batch in joined for asked in batch.questions] == [
        ViewName.DIRECT,
        ViewName.PARAPHRASE,
        ViewName.PARAPHRASE,
        ViewName.CHECKLIST,
        ViewName.CHECKLIST,
    ]


@given(pipelines(), st.integers(0, 1000), st.integers(0, 200))
def test_batches_ask_the_ladder_up_to_the_most_votes(pipeline: Pipeline, seed: int, most: int) -> None:
    ladder = steps(pipeline, seed)
    joined = question_batches(ladder, most)
    assert sum(batch.votes for batch in joined) == min(most, sum(step.votes for step in ladder))
    assert all(PICTURES_OF[asked.question.view] is batch.pictures for batch in joined for asked in batch.questions)
    assert len({batch.pictures for batch in joined}) == len(joined)
