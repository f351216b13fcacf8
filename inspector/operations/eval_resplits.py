"""Whether limits chosen by `inspector thresholds` keep their promise, over many resplits of parts."""

from __future__ import annotations

from typing import Final

import numpy as np

from inspector.domain.declared import ViewName
from inspector.domain.pipeline import Pipeline, Rung
from inspector.errors import InspectorError
from inspector.lab.evaluation.threshold_resplits import (
    VIEWS,
    ResplitResult,
    ResplitSetup,
    StoredPopulation,
    drawn_population,
    resplit,
    stored_population,
)
from inspector.operations.line_records import read_line_records
from inspector.tuning.threshold_choice import limit_grid
from inspector.tuning.threshold_evidence import NG, OK, gather_evidence

DRAWN_PARTS: Final = 4000
DRAWN_LINE: Final = Pipeline(
    line="drawn",
    product="drawn part",
    question="Is there a defect?",
    defects={"defect": "major"},
    cameras=("any",),
    ladder=tuple(Rung(views=(ViewName(view),)) for view in VIEWS),
)


def resplit_drawn(setup: ResplitSetup, seed: int) -> ResplitResult:
    """Resplit parts that a model of votes draws."""
    return _resplit(drawn_population(DRAWN_LINE, setup.promise, parts=DRAWN_PARTS, seed=seed), setup, seed)


def resplit_line(database: str, line: str, setup: ResplitSetup, seed: int) -> ResplitResult:
    """Resplit a line's reviewed parts. Raises InspectorError for an unknown line, or for too few of them."""
    setup.promise.validate()
    records = read_line_records(database, line)
    pipeline = records.live.pipeline
    grid = limit_grid(pipeline, setup.promise)
    evidence = gather_evidence(records.history, pipeline, records.fingerprint, grid)
    return _resplit(stored_population(evidence, pipeline.thresholds), setup, seed)


def _resplit(population: StoredPopulation, setup: ResplitSetup, seed: int) -> ResplitResult:
    setup.promise.validate()
    truth = population.evidence.truth
    counts = [int(np.sum(truth == kind)) for kind in (OK, NG)]
    if len(truth) < 2 * setup.parts or min(counts) == 0:
        raise InspectorError(
            f"{counts[0]} OK and {counts[1]} NG parts are reviewed; resplits of {setup.parts} parts need twice as "
            "many, of both kinds. Lower --parts, or review more"
        )
    return resplit(population, setup, seed)
