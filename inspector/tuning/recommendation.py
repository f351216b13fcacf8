"""The recommended ladder: chosen on one half of the parts, checked on the other, and applied to a pipeline. Pure.

The best of thousands of ladders on some parts looks better than it is. The checking half has no influence on the
choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from inspector.domain.declared import JOINT_VIEWS, ViewName
from inspector.domain.ladder import question_groups, steps
from inspector.domain.pipeline import Pipeline, Rung, WeightSource
from inspector.domain.vote import Counting, LabelledVotes
from inspector.errors import InspectorError
from inspector.numerics.exact_bounds import parts_to_prove, upper_bound
from inspector.tuning.ladder_search import (
    EvaluatedLadder,
    RiskLimits,
    Views,
    cheapest,
    evaluate_ladder,
    evaluate_ladders,
    pareto_front,
)

MIN_REVIEWED_PER_CLASS: Final = 40  # half of them choose; one missed part of 20 is 5 percentage points


class Recommendation(NamedTuple):
    """The result of a search.

    `front`: the ladders within the limits that no other beats, on the choosing half; empty where none is proved to keep
    the limits. `chosen` is the cheapest. `checked` is the same ladder and `declared` the line's own, both on the
    checking half. `bound` is the upper 95 % bound of the escape share on the checking half.
    """

    ok: int
    ng: int
    limits: RiskLimits
    front: tuple[EvaluatedLadder, ...]
    chosen: EvaluatedLadder | None
    checked: EvaluatedLadder | None
    declared: EvaluatedLadder
    bound: float | None

    @property
    def is_proved(self) -> bool:
        """Whether the checking half proves that the chosen ladder keeps the wanted escape share."""
        return self.bound is not None and self.bound <= self.limits.escape

    @property
    def provable(self) -> float:
        """The least escape share that half of the NG parts can prove, with none of them missed."""
        return upper_bound(0, self.ng // 2)

    @property
    def wanted_ng(self) -> int:
        """NG parts, none missed, that would prove the wanted escape share; 0 where no number would, or any does."""
        wanted = self.limits.escape
        return parts_to_prove(0, 0, wanted) if 0.0 < wanted < 1.0 else 0

    def as_json(self) -> dict[str, Any]:
        def as_json(evaluated: EvaluatedLadder | None) -> dict[str, Any] | None:
            return evaluated.as_json() if evaluated else None

        return {
            "parts": {"ok": self.ok, "ng": self.ng},
            "limits": self.limits._asdict(),
            "chosen": as_json(self.chosen),
            "checked": as_json(self.checked),
            "declared": as_json(self.declared),
            "escape_bound": self.bound,
            "is_proved": self.is_proved,
            "ng_parts_to_prove_it": self.wanted_ng,
            "front": [evaluated.as_json() for evaluated in self.front],
        }


def recommend(
    parts: Sequence[LabelledVotes], pipeline: Pipeline, counting: Counting, limits: RiskLimits
) -> Recommendation:
    """Recommend a ladder from parts whose whole ladder was asked.

    Raises InspectorError where too few of them are reviewed.
    """
    labelled = [_once(part) for part in parts if part.ng is not None and part.votes]
    ng = sum(part.ng is True for part in labelled)
    require_reviewed(len(labelled) - ng, ng)
    choosing, checking = halves(labelled)
    confidence = pipeline.settle.confidence
    ladders = evaluate_ladders(choosing, counting, confidence, rung_choices(labelled, pipeline))
    chosen = cheapest(ladders, limits)
    checked = evaluate_ladder(checking, counting, confidence, chosen.ladder, chosen.thresholds) if chosen else None
    declared = evaluate_ladder(
        checking, counting, confidence, tuple(rung.views for rung in pipeline.ladder), pipeline.thresholds
    )
    best = tuple(pareto_front(evaluated for evaluated in ladders if limits.allows(evaluated)))
    bound = checked.escape_bound if checked else None
    return Recommendation(len(labelled) - ng, ng, limits, best, chosen, checked, declared, bound)


def require_reviewed(ok: int, ng: int) -> None:
    """Raise InspectorError, with the missing numbers, if too few parts are reviewed."""
    if min(ok, ng) < MIN_REVIEWED_PER_CLASS:
        raise InspectorError(
            f"{ok} OK and {ng} NG parts are reviewed whose whole ladder was asked; {MIN_REVIEWED_PER_CLASS} of each "
            "are needed, half to choose by and half to check. Raise settle.shadow (1 asks the whole ladder about every "
            "part, after its verdict), and review such parts, or replay a labelled folder with --review"
        )


def halves(parts: Sequence[LabelledVotes]) -> tuple[list[LabelledVotes], list[LabelledVotes]]:
    """Split each class into every other part."""
    kinds = [[part for part in parts if part.ng is ng] for ng in (False, True)]
    return [part for kind in kinds for part in kind[::2]], [part for kind in kinds for part in kind[1::2]]


def rung_choices(parts: Sequence[LabelledVotes], pipeline: Pipeline) -> list[Views]:
    """List the candidate rungs: every view alone, and the declared rungs of several views."""
    asked = sorted({vote.view for part in parts for vote in part.votes})
    combined = [rung.views for rung in pipeline.ladder if len(rung.views) > 1 and {*rung.views} <= {*asked}]
    return [*((view,) for view in asked), *combined]


def apply_ladder(evaluated: EvaluatedLadder, pipeline: Pipeline) -> Pipeline:
    """Return the pipeline with this ladder and these thresholds, without settings that would then have no effect.

    Views keep the samples and the reasoning of their declared rung.
    """
    ladder = tuple(_rung(views, pipeline) for views in evaluated.ladder)
    asked = {view for rung in ladder for view in rung.views}
    words = {
        name: getattr(pipeline, name) if view in asked else ()
        for name, view in (("paraphrases", ViewName.PARAPHRASE), ("checklist", ViewName.CHECKLIST))
    }
    changed = pipeline.model_copy(
        update={"ladder": ladder, "thresholds": evaluated.thresholds, "learned": None, **words}
    )
    votes = sum(step.votes for step in steps(changed, 0))
    settle: dict[str, object] = {"max_votes": max(changed.settle.max_votes, votes)}
    if asked <= JOINT_VIEWS:
        settle["weight_by"] = WeightSource.MARGIN
    return changed.model_copy(update={"settle": changed.settle.model_copy(update=settle)})


def _once(part: LabelledVotes) -> LabelledVotes:
    """Keep only the votes of the first rung that asks each view: an evaluated ladder knows views, not rungs."""
    first: dict[ViewName, int] = {}
    for vote in part.votes:
        first[vote.view] = min(vote.rung, first.get(vote.view, vote.rung))
    return part._replace(votes=tuple(vote for vote in part.votes if vote.rung == first[vote.view]))


def rung_asking(view: ViewName, pipeline: Pipeline) -> Rung:
    """Return the first declared rung that asks this view; a plain one where none does."""
    return next((rung for rung in pipeline.ladder if view in rung.views), Rung(views=(view,)))


def _rung(views: Views, pipeline: Pipeline) -> Rung:
    """Build a rung with as few samples as ask the same questions.

    A checklist or separate alone is read without reasoning, whatever its declared rung says.
    """
    if JOINT_VIEWS.issuperset(views):
        return Rung(views=views)
    rung = rung_asking(views[0], pipeline).model_copy(update={"views": views})
    fewer = (rung.model_copy(update={"samples": samples}) for samples in range(1, rung.samples))
    return next(
        (each for each in fewer if question_groups(pipeline, each, 0) == question_groups(pipeline, rung, 0)), rung
    )
