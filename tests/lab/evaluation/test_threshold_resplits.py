"""Limits chosen on the bound keep their promise over 1,000 resplits; limits chosen on the estimate do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.fakes import a_pipeline

from inspector.domain.declared import Disposition
from inspector.errors import InspectorError
from inspector.lab.evaluation.threshold_resplits import (
    ResplitResult,
    ResplitSetup,
    StoredPopulation,
    drawn_population,
    resplit,
    resplit_report,
    stored_population,
)
from inspector.lab.report_files import write_report
from inspector.operations.eval_resplits import resplit_drawn
from inspector.tuning.threshold_choice import ThresholdPromise

LINE = a_pipeline(ladder=[{"views": ["direct"]}, {"views": ["paraphrase"]}, {"views": ["inverted"]}])
ESCAPE = ThresholdPromise(escape=0.05)
ALL = dict.fromkeys(Disposition, 1.0)


@pytest.fixture(scope="module")
def population() -> StoredPopulation:
    return drawn_population(LINE, ESCAPE, parts=2500, seed=1)


@pytest.fixture(scope="module")
def thousand(population: StoredPopulation) -> ResplitResult:
    return resplit(population, ResplitSetup(ESCAPE, resplits=1000, parts=900))


def test_the_promise_holds_in_at_least_95_of_100_resplits(thousand: ResplitResult) -> None:
    answered = [each for each in thousand.proved if each is not None]
    assert len(thousand.proved) == 1000
    assert len(answered) > 600
    assert thousand.kept_share(thousand.proved) >= 0.95
    assert np.mean([each.escape <= ESCAPE.escape for each in answered]) >= 0.95


def test_limits_chosen_on_the_estimate_break_it(thousand: ResplitResult) -> None:
    assert thousand.kept_share(thousand.estimated) < 0.75


def test_it_holds_where_people_review_mostly_rejects(population: StoredPopulation) -> None:
    uneven = {Disposition.PASS: 0.3, Disposition.REVIEW: 1.0, Disposition.REJECT: 1.0}
    loose = ThresholdPromise(escape=0.1, confidence=0.8)
    found = resplit(population, ResplitSetup(loose, resplits=400, parts=1000, reviewed=uneven))
    assert sum(each is not None for each in found.proved) > 200
    assert found.kept_share(found.proved) >= 0.8


def test_two_promises_hold_together() -> None:
    both = ThresholdPromise(escape=0.08, overkill=0.03, confidence=0.9)
    crowd = drawn_population(LINE, both, parts=2500, seed=2)
    found = resplit(crowd, ResplitSetup(both, resplits=300, parts=1200, reviewed=ALL))
    answered = [each for each in found.proved if each is not None]
    assert len(answered) > 150
    assert len({each.reject_above for each in answered}) > 1
    assert found.kept_share(found.proved) >= 0.9


def test_the_report_has_figures_and_a_chart(thousand: ResplitResult, tmp_path: Path) -> None:
    pages = write_report(resplit_report(thousand), tmp_path)
    assert [page.name for page in pages] == ["resplits.json", "resplits.png"]
    assert all(page.stat().st_size > 100 for page in pages)


def test_stored_votes_of_a_line_are_resplit_like_drawn_ones(population: StoredPopulation) -> None:
    stored = stored_population(population.evidence, population.live)
    found = resplit(stored, ResplitSetup(ESCAPE, resplits=200, parts=900))
    assert sum(each is not None for each in found.proved) > 100
    assert found.kept_share(found.proved) >= 0.95


def test_too_few_parts_for_resplits_are_refused() -> None:
    with pytest.raises(InspectorError, match="Lower --parts"):
        resplit_drawn(ResplitSetup(ESCAPE, resplits=10, parts=3000), 0)
