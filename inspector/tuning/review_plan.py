"""Which parts to review next, so that a promise is proved soonest. Pure.

Bounds count parts that all had the same chance to be reviewed, so the least reviewed disposition limits them. The plan
raises every disposition to the share that is needed. The parts are a random choice: the most suspicious ones first
would say nothing about the rest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from inspector.domain.declared import Disposition
from inspector.domain.part_history import PartHistory
from inspector.tuning.threshold_choice import ThresholdChoice
from inspector.tuning.threshold_evidence import DispositionSample, draw_of

MAX_LISTED_PARTS: Final = 2000  # of the list of parts to review


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


def ng_estimate(parts: Sequence[PartHistory], samples: Sequence[DispositionSample]) -> float:
    """Return how many NG parts the line's parts hold, judged by the reviewed ones."""
    weights = {each.disposition: 1.0 / each.reviewed_share for each in samples if each.reviewed}
    return math.fsum(weights[part.part.would_be.disposition] for part in parts if part.is_ng)


def parts_to_review(parts: Sequence[PartHistory], plan: ReviewPlan) -> list[PartHistory]:
    """Choose unreviewed parts with a picture at random, by the plan; a hash of the part decides."""
    open_parts = [part for part in parts if part.is_ng is None and part.part.evidence is not None]
    ordered = sorted(open_parts, key=lambda part: draw_of(part.part.result_id, "review"))
    chosen = [
        part
        for kind, count in plan.more.items()
        for part in [each for each in ordered if each.part.would_be.disposition is kind][:count]
    ]
    return sorted(chosen, key=lambda part: draw_of(part.part.result_id, "review"))[:MAX_LISTED_PARTS]


def _more(sample: DispositionSample, share: float) -> int:
    return max(0, math.ceil(share * sample.parts) - sample.reviewed)
