"""Learning from stored votes, and the missing evidence where that is not possible yet."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.fakes import REJECTED, a_part, a_pipeline
from support.labelled_histories import FINGERPRINT, history, labelled_history

from inspector.domain.declared import Disposition, ViewName
from inspector.domain.learned import LearnedSettings, ViewPair
from inspector.domain.part_history import PartHistory
from inspector.domain.pipeline import Pipeline
from inspector.domain.vote import Tally, Vote, counting
from inspector.tuning.learning import MIN_REVIEWED_PER_CLASS, MIN_SHADOW_PARTS, learn_from_history

LADDER = [{"views": ["direct"]}, {"views": ["paraphrase"]}, {"views": ["zoom"]}]


@pytest.fixture
def line() -> Pipeline:
    return a_pipeline(ladder=LADDER)


def test_enough_reviewed_shadow_parts_teach_everything(line: Pipeline) -> None:
    lesson = learn_from_history(labelled_history(120), line, FINGERPRINT)
    assert lesson.missing == ()
    assert lesson.learned.fingerprint == FINGERPRINT
    pair = next(each for each in lesson.learned.correlations if {each.one, each.other} == {"direct", "paraphrase"})
    assert 0.2 < pair.rho < 0.8
    assert lesson.learned.calibration is not None
    assert lesson.learned.calibration.slope > 0.0
    assert lesson.learned.calibration.ng_share == pytest.approx(0.5)
    assert lesson.learned.capped == ()
    assert lesson.slope is not None


def test_few_parts_teach_nothing_and_the_missing_numbers_are_reported(line: Pipeline) -> None:
    lesson = learn_from_history(labelled_history(20), line, FINGERPRINT)
    assert lesson.learned == LearnedSettings(fingerprint=FINGERPRINT)
    text = " ".join(lesson.missing)
    assert f"20 parts whose whole ladder was asked, {MIN_SHADOW_PARTS} are needed" in text
    assert (
        f"10 reviewed OK parts, {MIN_REVIEWED_PER_CLASS} are needed; review {MIN_REVIEWED_PER_CLASS - 10} more" in text
    )


def test_parts_that_nobody_reviewed_teach_how_alike_votes_are_and_no_more(line: Pipeline) -> None:
    lesson = learn_from_history(labelled_history(120, reviewed=False), line, FINGERPRINT)
    assert lesson.learned.correlations
    assert lesson.learned.calibration is None
    assert lesson.rungs == ()


def test_reviews_of_rejected_parts_alone_calibrate_nothing(line: Pipeline) -> None:
    parts = [
        past if past.part.decision is REJECTED else past._replace(is_ng=None) for past in labelled_history(400).parts
    ]
    some_ok = [PartHistory(a_part(f"r-{k}", decision=REJECTED), is_ng=False) for k in range(60)]
    lesson = learn_from_history(history([*parts, *some_ok]), line, FINGERPRINT)
    assert lesson.learned.calibration is None
    assert any("PASS parts are reviewed, 10 are needed; review some at random" in each for each in lesson.missing)


def test_a_part_stands_for_those_of_its_disposition_that_nobody_looked_at(line: Pipeline) -> None:
    found = labelled_history(200)
    passed = found.totals[Disposition.PASS]
    many = found._replace(totals={**found.totals, Disposition.PASS: 10 * passed})
    calibration = learn_from_history(many, line, FINGERPRINT).learned.calibration
    assert calibration is not None
    assert calibration.ng_share < 0.2


def test_a_rung_that_harms_is_capped_and_the_first_never(line: Pipeline) -> None:
    lesson = learn_from_history(labelled_history(120, spoilt=2), line, FINGERPRINT)
    assert lesson.learned.capped == (2,)
    (harm,) = [change for change in lesson.rungs if change.rung == 2]
    assert harm.harmed > harm.rescued
    assert harm.p_value < 0.05
    assert lesson.learned.calibration is not None
    assert lesson.learned.calibration.slope > 0.5, "votes that are not asked any more are none to calibrate"


def test_what_was_learned_before_stays_until_there_is_better(line: Pipeline) -> None:
    earlier = LearnedSettings(
        fingerprint=FINGERPRINT,
        correlations=(ViewPair(one=ViewName.DIRECT, other=ViewName.ZOOM, rho=0.3),),
        capped=(1,),
    )
    before = line.model_copy(update={"learned": earlier})
    assert learn_from_history(labelled_history(4), before, FINGERPRINT).learned == earlier
    assert learn_from_history(labelled_history(4), before, "f" * 16).learned == LearnedSettings(fingerprint="f" * 16)


def test_votes_that_mislead_are_not_turned_round(line: Pipeline) -> None:
    turned = [past._replace(is_ng=not past.is_ng) for past in labelled_history(200).parts]
    lesson = learn_from_history(history(turned), line, FINGERPRINT)
    assert lesson.learned.calibration is None
    assert any("higher scores do not indicate NG" in each for each in lesson.missing)


def test_only_shadow_votes_say_how_alike_votes_are(line: Pipeline) -> None:
    """Later votes of other parts were asked because the first ones doubted."""
    parts = [
        past._replace(part=replace(past.part, votes=(Vote(ViewName.DIRECT, 0, 0.4), Vote(ViewName.ZOOM, 2, 0.4))))
        for past in labelled_history(100, shadow=False).parts
    ]
    assert learn_from_history(history(parts), line, FINGERPRINT).learned.correlations == ()


def test_no_score_depends_on_what_is_learned(line: Pipeline) -> None:
    learned = line.model_copy(update={"learned": learn_from_history(labelled_history(120), line, FINGERPRINT).learned})
    for past in labelled_history(30).parts:
        plain, taught = (Tally(past.shadow, counting(each, FINGERPRINT)).score for each in (line, learned))
        assert plain == taught
