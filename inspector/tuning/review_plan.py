"""Which parts to review next, so that a promise is proved soonest. Pure.

Bounds count parts that all had the same chance to be reviewed, so the least reviewed disposition limits them. The plan
raises every disposition to the share that is needed. The parts are a random choice: the most suspicious ones first
would say nothing about the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.domain.declared import Disposition
from inspector.tuning.threshold_choice import ThresholdChoice
from inspector.tuning.threshold_evidence import DISPOSITIONS, NG, DispositionSample, PartSample

Array = NDArray[Any]
HavePictures = Callable[[Array], Array]  # for places of parts, whether each part's picture is still stored
MAX_LISTED_PARTS: Final = 2000  # of the list of parts to review
PARTS_PER_PAGE: Final = 500  # whose pictures are looked for at once


class ReviewPlan(NamedTuple):
    """The reviews that would prove the nearest limits, if no further NG part passes there.

    `ng_missing` NG parts are missing. `share` of each disposition has to be reviewed for that; None where no NG part is
    known, so that nobody can say. Above 1 all stored parts are too few. `more` counts the reviews by disposition.
    """

    ng_missing: int
    share: float | None
    more: Mapping[Disposition, int]

    @property
    def is_sufficient(self) -> bool:
        """Whether the stored parts probably hold enough NG parts."""
        return self.share is not None and self.share <= 1.0


def review_plan(choice: ThresholdChoice, ng_parts: float) -> ReviewPlan | None:
    """Plan reviews for the nearest unproved limits; None where the live limits or wider ones are proved.

    `ng_parts` is the estimated number of the line's NG parts.
    """
    nearest = choice.nearest
    if choice.covers_live or nearest is None:
        return None
    missing = nearest.escape.more or 0
    share = (nearest.escape.parts + missing) / ng_parts if ng_parts else None
    wanted = min(share, 1.0) if share is not None else 1.0
    more = {each.disposition: _more(each, wanted) for each in choice.samples}
    return ReviewPlan(missing, share, {kind: count for kind, count in more.items() if count})


def ng_estimate(sample: PartSample) -> float:
    """Return how many NG parts the line's parts hold, judged by the reviewed ones."""
    weights = [1.0 / each.reviewed_share if each.reviewed else 0.0 for each in sample.samples]
    return math.fsum(weights[kind] for kind in sample.disposition[sample.truth == NG].tolist())


def parts_to_review(disposition: Array, draw: Array, plan: ReviewPlan, has_picture: HavePictures) -> list[int]:
    """Choose among unreviewed parts with a picture at random, by the plan; return their places.

    `disposition` are indexes of DISPOSITIONS, and `draw` numbers in 0..1. Pictures are looked for page by page, until
    the plan is filled.
    """
    left = np.array([plan.more.get(each, 0) for each in DISPOSITIONS])
    ordered = np.argsort(draw, kind="stable")
    ordered = ordered[left[disposition[ordered]] > 0]
    chosen: list[int] = []
    for first in range(0, len(ordered), PARTS_PER_PAGE):
        page = ordered[first : first + PARTS_PER_PAGE]
        for at in page[has_picture(page)].tolist():
            if left[disposition[at]] > 0:
                left[disposition[at]] -= 1
                chosen.append(at)
        if len(chosen) >= MAX_LISTED_PARTS or not left.any():
            break
    return chosen[:MAX_LISTED_PARTS]


def _more(sample: DispositionSample, share: float) -> int:
    return max(0, math.ceil(share * sample.parts) - sample.reviewed)
