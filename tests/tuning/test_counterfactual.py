"""The outcome of stored votes under other settings."""

from __future__ import annotations

import pytest
from support.fakes import PASSED, a_part, a_pipeline
from support.labelled_histories import FINGERPRINT, labelled_history

from inspector.domain.declared import Disposition, ViewName
from inspector.domain.learned import LearnedSettings
from inspector.domain.part_history import PartHistory
from inspector.domain.vote import StoppedBy, Vote
from inspector.tuning.counterfactual import Outcome, Replay, impact

LADDER = [{"views": ["direct"]}, {"views": ["paraphrase"]}, {"views": ["zoom"]}]
LINE = a_pipeline(ladder=LADDER, thresholds={"pass_below": 0.2, "reject_above": 0.8})


def asked(*p_ng: float, whole: bool = True, stopped_by: StoppedBy = StoppedBy.SETTLED) -> PartHistory:
    views = (ViewName.DIRECT, ViewName.PARAPHRASE, ViewName.ZOOM)
    votes = tuple(Vote(view, rung, each) for rung, (view, each) in enumerate(zip(views, p_ng, strict=False)))
    part = a_part(votes=votes, stopped_by=stopped_by, decision=PASSED)
    return PartHistory(part, votes if whole else ())


@pytest.mark.parametrize(
    ("past", "outcome"),
    [
        pytest.param(asked(0.01, 0.9, 0.9), Outcome(Disposition.PASS, 1), id="sure at once: the rest is not looked at"),
        pytest.param(asked(0.5, 0.5, 0.5), Outcome(Disposition.REVIEW, 3), id="doubt to the end"),
        pytest.param(asked(0.01, whole=False), Outcome(Disposition.PASS, 1), id="as it was decided"),
        pytest.param(asked(0.3, whole=False), None, id="it would have been asked on"),
        pytest.param(
            asked(0.3, whole=False, stopped_by=StoppedBy.LADDER_END),
            Outcome(Disposition.REVIEW, 1),
            id="nothing was left",
        ),
    ],
)
def test_votes_are_counted_as_the_judge_counts_them(past: PartHistory, outcome: Outcome | None) -> None:
    assert Replay(LINE, FINGERPRINT).outcome(past) == outcome


def test_a_stored_vote_counts_as_far_as_it_was_read() -> None:
    doubted = Vote(ViewName.DIRECT, 0, 0.001, readable=0.3)
    past = PartHistory(a_part(votes=(doubted,), stopped_by=StoppedBy.LADDER_END, decision=PASSED), (doubted,))
    lenient = LINE.model_copy(update={"settle": LINE.settle.model_copy(update={"min_readable": 0.2})})
    assert Replay(LINE, FINGERPRINT).outcome(past) == Outcome(Disposition.REVIEW, 1)
    assert Replay(lenient, FINGERPRINT).outcome(past) == Outcome(Disposition.PASS, 1)


def test_votes_of_a_capped_rung_are_left_out() -> None:
    capped = LINE.model_copy(update={"learned": LearnedSettings(fingerprint=FINGERPRINT, capped=(1, 2))})
    assert Replay(capped, FINGERPRINT).outcome(asked(0.5, 0.999, 0.999)) == Outcome(Disposition.REVIEW, 1)
    assert Replay(capped, "f" * 16).outcome(asked(0.5, 0.999, 0.999)) != Outcome(Disposition.REVIEW, 1)


SEPARATING = LINE.model_copy(
    update={"ladder": a_pipeline(ladder=[*LADDER[:2], {"views": ["separate"]}], learned=None).ladder}
)


@pytest.mark.parametrize(
    ("capped", "votes"), [((), 3), ((1,), 1)], ids=["votes disagree", "the vote that disagreed would not be asked"]
)
def test_a_stored_separation_counts_only_where_the_votes_before_it_disagree(
    capped: tuple[int, ...], votes: int
) -> None:
    learned = LearnedSettings(fingerprint=FINGERPRINT, capped=capped)
    stored = (Vote(ViewName.DIRECT, 0, 0.4), Vote(ViewName.PARAPHRASE, 1, 0.6), Vote(ViewName.SEPARATE, 2, 0.5))
    past = PartHistory(a_part(votes=stored, stopped_by=StoppedBy.LADDER_END, decision=PASSED), stored)
    found = Replay(SEPARATING.model_copy(update={"learned": learned}), FINGERPRINT).outcome(past)
    assert found == Outcome(Disposition.REVIEW, votes)


def test_no_change_costs_nothing() -> None:
    found = impact(labelled_history(60).parts, LINE, LINE, FINGERPRINT)
    assert (found.parts, found.unknown, found.moved) == (60, 0, {})
    assert found.votes[0] == found.votes[1]
    assert found.escapes[0] == found.escapes[1]


def test_wider_thresholds_move_parts_out_of_review_and_their_escapes_are_counted() -> None:
    wide = LINE.model_copy(update={"thresholds": LINE.thresholds.model_copy(update={"pass_below": 0.8})})
    found = impact(labelled_history(60).parts, LINE, wide, FINGERPRINT)
    assert found.reviewed == 60
    assert found.escapes[1] >= found.escapes[0]
    assert {new for _, new in found.moved} == {Disposition.PASS}
    assert all(isinstance(name, str) for name in found.as_json()["moved"])


def test_parts_that_their_votes_did_not_decide_are_left_out() -> None:
    late = asked(0.01, whole=False, stopped_by=StoppedBy.DEADLINE)
    assert impact([late], LINE, LINE, FINGERPRINT).parts == 0
