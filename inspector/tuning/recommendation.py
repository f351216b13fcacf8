"""The ladder to use: chosen on one half of the parts, checked on the other, and turned into a pipeline. Pure.

Of thousands of plans the best on some parts looks better than it is. What the checking half says had no say in the
choice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from scipy.special import betaincinv

from inspector.domain.declared import ViewName
from inspector.domain.ladder import question_groups, steps
from inspector.domain.pipeline import Pipeline, Rung, WeightSource
from inspector.domain.vote import Counting, LabelledVotes
from inspector.errors import InspectorError
from inspector.tuning.ladder_search import (
    EvaluatedLadder,
    RiskLimits,
    Views,
    cheapest,
    evaluate_ladder,
    evaluate_ladders,
    pareto_front,
)

MIN_REVIEWED_PER_CLASS: Final = 40  # half of them choose: with 20 NG parts one that is missed weighs 5 points
CONFIDENCE: Final = 0.95


class Recommendation(NamedTuple):
    """`front`: the best plans within the limits, on the choosing half; empty where none keeps them. `chosen` is the
    cheapest, `checked` the same and `declared` the line's own ladder on the checking half; `bound`: the escape share
    that the checking half excludes at 95 %."""

    ok: int
    ng: int
    limits: RiskLimits
    front: tuple[EvaluatedLadder, ...]
    chosen: EvaluatedLadder | None
    checked: EvaluatedLadder | None
    declared: EvaluatedLadder
    bound: float | None

    @property
    def wanted_ng(self) -> int:
        """NG parts, none missed, that would prove the wanted escape share; 0 where no number would, or any does."""
        wanted = self.limits.escape
        return math.ceil(math.log(1.0 - CONFIDENCE) / math.log(1.0 - wanted)) if 0.0 < wanted < 1.0 else 0

    def as_json(self) -> dict[str, Any]:
        def plain(plan: EvaluatedLadder | None) -> dict[str, Any] | None:
            return plan.as_json() if plan else None

        return {
            "parts": {"ok": self.ok, "ng": self.ng},
            "limits": self.limits._asdict(),
            "chosen": plain(self.chosen),
            "checked": plain(self.checked),
            "declared": plain(self.declared),
            "escape_bound": self.bound,
            "ng_parts_to_prove_it": self.wanted_ng,
            "front": [plan.as_json() for plan in self.front],
        }


def recommend(
    parts: Sequence[LabelledVotes], pipeline: Pipeline, counting: Counting, limits: RiskLimits
) -> Recommendation:
    """From parts whose whole ladder was asked. Raises InspectorError where too few of them are reviewed."""
    told = [_once(part) for part in parts if part.ng is not None and part.votes]
    ng = sum(part.ng is True for part in told)
    require_reviewed(len(told) - ng, ng)
    choosing, checking = halves(told)
    confidence = pipeline.settle.confidence
    found = evaluate_ladders(choosing, counting, confidence, rung_choices(told, pipeline))
    chosen = cheapest(found, limits)
    checked = evaluate_ladder(checking, counting, confidence, chosen.ladder, chosen.thresholds) if chosen else None
    declared = evaluate_ladder(
        checking, counting, confidence, tuple(rung.views for rung in pipeline.ladder), pipeline.thresholds
    )
    best = tuple(pareto_front(plan for plan in found if limits.allows(plan)))
    bad = sum(part.ng is True for part in checking)
    bound = upper_bound(round(checked.escape * bad), bad) if checked else None
    return Recommendation(len(told) - ng, ng, limits, best, chosen, checked, declared, bound)


def require_reviewed(ok: int, ng: int) -> None:
    """Raises InspectorError, naming what is missing."""
    if min(ok, ng) < MIN_REVIEWED_PER_CLASS:
        raise InspectorError(
            f"{ok} OK and {ng} NG parts are reviewed whose whole ladder was asked; {MIN_REVIEWED_PER_CLASS} of each "
            "are needed, half to choose by and half to check. Raise settle.shadow (1 asks the whole ladder about every "
            "part, after its verdict), and review such parts, or replay a labelled folder with --review"
        )


def halves(parts: Sequence[LabelledVotes]) -> tuple[list[LabelledVotes], list[LabelledVotes]]:
    """Every other part of each kind."""
    kinds = [[part for part in parts if part.ng is ng] for ng in (False, True)]
    return [part for kind in kinds for part in kind[::2]], [part for kind in kinds for part in kind[1::2]]


def rung_choices(parts: Sequence[LabelledVotes], pipeline: Pipeline) -> list[Views]:
    """What a rung may be: every view by itself, and the declared rungs of several."""
    seen = sorted({vote.view for part in parts for vote in part.votes})
    together = [rung.views for rung in pipeline.ladder if len(rung.views) > 1 and {*rung.views} <= {*seen}]
    return [*((view,) for view in seen), *together]


def upper_bound(missed: int, of: int) -> float:
    """Exact one-sided bound of a share (Clopper & Pearson 1934)."""
    return float(betaincinv(missed + 1, of - missed, CONFIDENCE)) if missed < of else 1.0


def apply_ladder(plan: EvaluatedLadder, pipeline: Pipeline) -> Pipeline:
    """The pipeline with this ladder and these thresholds; nothing stays in it that would never be asked. Views keep
    the samples and the reasoning that they were declared with."""
    ladder = tuple(_rung(views, pipeline) for views in plan.ladder)
    asked = {view for rung in ladder for view in rung.views}
    words = {
        name: getattr(pipeline, name) if view in asked else ()
        for name, view in (("paraphrases", ViewName.PARAPHRASE), ("checklist", ViewName.CHECKLIST))
    }
    changed = pipeline.model_copy(update={"ladder": ladder, "thresholds": plan.thresholds, "learned": None, **words})
    votes = sum(step.votes for step in steps(changed, 0))
    settle: dict[str, object] = {"max_votes": max(changed.settle.max_votes, votes)}
    if asked == {ViewName.CHECKLIST}:
        settle["weight_by"] = WeightSource.MARGIN
    return changed.model_copy(update={"settle": changed.settle.model_copy(update=settle)})


def _once(part: LabelledVotes) -> LabelledVotes:
    """Only the votes of the first rung that asks a view: a plan knows views, not rungs."""
    first: dict[ViewName, int] = {}
    for vote in part.votes:
        first[vote.view] = min(vote.rung, first.get(vote.view, vote.rung))
    return part._replace(votes=tuple(vote for vote in part.votes if vote.rung == first[vote.view]))


def rung_asking(view: ViewName, pipeline: Pipeline) -> Rung:
    """The first declared rung that asks this view; a plain one where none does."""
    return next((rung for rung in pipeline.ladder if view in rung.views), Rung(views=(view,)))


def _rung(views: Views, pipeline: Pipeline) -> Rung:
    """With as few samples as ask the same; a checklist alone is read at once, however its rung reasons."""
    if views == (ViewName.CHECKLIST,):
        return Rung(views=views)
    rung = rung_asking(views[0], pipeline).model_copy(update={"views": views})
    fewer = (rung.model_copy(update={"samples": samples}) for samples in range(1, rung.samples))
    return next(
        (each for each in fewer if question_groups(pipeline, each, 0) == question_groups(pipeline, rung, 0)), rung
    )
