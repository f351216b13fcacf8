"""What a taught model does to reviewed parts: its figures on the newest fifth, the parts that move, its heat maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple, Self

import numpy as np

from inspector.domain.declared import Disposition
from inspector.domain.heat_map import HeatMap
from inspector.domain.part_history import PartHistory
from inspector.domain.pipeline import Pipeline
from inspector.domain.vote import Opinion
from inspector.errors import InspectorError
from inspector.judging.heat_maps import heat_map
from inspector.judging.taught_opinion import pass_limit
from inspector.numerics.classification_metrics import auroc
from inspector.numerics.exact_bounds import MeasuredShare, measured_share
from inspector.operations.progress import ReportProgress
from inspector.operations.taught_parts import TeachingParts
from inspector.teaching.part_features import TaughtPart
from inspector.teaching.taught_model import TaughtModel
from inspector.tuning.counterfactual import Impact, Replay, impact, is_decided_by_votes

CURVE_SHARES: Final = (1 / 3, 2 / 3)  # of the groups that teach, the oldest first; all of them come last
MAX_LISTED_MOVES: Final = 48
MAX_HEAT_MAPS: Final = 6


class MeasuredResult(NamedTuple):
    """A taught model on the newest fifth, which nothing saw. Escape and overkill at the limit of the model."""

    ng: int
    ok: int
    escape: MeasuredShare
    overkill: MeasuredShare
    auroc: float | None

    @classmethod
    def of(cls, model: TaughtModel, measured: Sequence[TaughtPart]) -> Self:
        is_ng = np.array([part.is_ng for part in measured], bool)
        opinions = [model.opinion(part.features) for part in measured]
        passes = np.array([each.p_ng <= pass_limit(model) for each in opinions], bool)
        ng, ok = int(is_ng.sum()), int((~is_ng).sum())
        escape, overkill = int((passes & is_ng).sum()), int((~passes & ~is_ng).sum())
        ranking = auroc(np.array([each.log_odds for each in opinions]), is_ng) if ng and ok else None
        return cls(ng, ok, measured_share(escape, ng), measured_share(overkill, ok), ranking)

    def as_json(self) -> dict[str, Any]:
        shares = {"escape": self.escape.as_json(), "overkill": self.overkill.as_json()}
        return self._asdict() | shares


class TeachingStep(NamedTuple):
    """One point of the learning curve: the reviewed parts that taught, and what came of it on the newest fifth."""

    ok: int
    ng: int
    measured: MeasuredResult

    @classmethod
    def of(cls, model: TaughtModel, teaching: Sequence[TaughtPart], measured: Sequence[TaughtPart]) -> Self:
        ng = sum(part.is_ng for part in teaching)
        return cls(len(teaching) - ng, ng, MeasuredResult.of(model, measured))

    def as_json(self) -> dict[str, Any]:
        return self._asdict() | {"measured": self.measured.as_json()}


Learn = Callable[[Sequence[TaughtPart]], TaughtModel]


def learning_curve(
    learn: Learn, teaching: Sequence[TaughtPart], measured: Sequence[TaughtPart], report: ReportProgress
) -> list[TeachingStep]:
    """Teach with the oldest groups of parts, then with more of them, and measure each model on the same parts.

    A number of parts that teaches nothing gives no point. Nothing is measured without measured parts.
    """
    groups, curve = list(dict.fromkeys(part.group for part in teaching)), list[TeachingStep]()
    sizes = sorted({round(share * len(groups)) for share in CURVE_SHARES}) if measured else []
    for number, size in enumerate(sizes, 1):
        parts = [part for part in teaching if part.group in set(groups[:size])]
        with suppress(InspectorError):
            curve.append(TeachingStep.of(learn(parts), parts, measured))
        report("learning curve", number, len(sizes))
    return curve


class MovedPart(NamedTuple):
    """A stored, reviewed part that would have ended otherwise with the taught model. `p_ng` is the model's."""

    result_id: str
    camera: str
    trigger_id: str
    decided_at: datetime
    p_ng: float | None
    is_ng: bool | None
    before: Disposition
    after: Disposition

    @property
    def is_escape(self) -> bool:
        return self.is_ng is True and self.after is Disposition.PASS

    def as_json(self) -> dict[str, Any]:
        return self._asdict() | {"is_escape": self.is_escape}


@dataclass(frozen=True, slots=True)
class TaughtReplay:
    """The votes of reviewed parts that the live fingerprint judged, with their opinions now and after teaching."""

    now: tuple[PartHistory, ...]
    then: tuple[PartHistory, ...]
    before: Pipeline
    after: Pipeline
    fingerprint: str

    @classmethod
    def of(
        cls, reviewed: TeachingParts, before: Pipeline, after: Pipeline, model: TaughtModel, fingerprint: str
    ) -> Self:
        judged = [
            (each, each._replace(part=replace(each.part, opinion=Opinion(model.opinion(part.features).p_ng))))
            for each, part in zip(reviewed.histories, reviewed.parts, strict=True)
            if each.part.pipeline.fingerprint == fingerprint
        ]
        return cls(tuple(now for now, _ in judged), tuple(then for _, then in judged), before, after, fingerprint)

    @property
    def impact(self) -> Impact:
        return impact(self.now, self.before, self.after, self.fingerprint, self.then)

    @property
    def moved(self) -> list[MovedPart]:
        """List the parts that would have ended otherwise: NG parts that would pass first, then the newest."""
        old, new = Replay(self.before, self.fingerprint), Replay(self.after, self.fingerprint)
        found = [
            _moved(then, was.disposition, will.disposition)
            for now, then in zip(self.now, self.then, strict=True)
            if is_decided_by_votes(now) and (was := old.outcome(now)) and (will := new.outcome(then))
            if was.disposition is not will.disposition
        ]
        return sorted(
            found, key=lambda each: (not each.is_escape, each.is_ng is not True, -each.decided_at.timestamp())
        )


def _moved(each: PartHistory, before: Disposition, after: Disposition) -> MovedPart:
    part = each.part
    p_ng = part.opinion.p_ng if part.opinion else None
    named = (part.result_id, part.key.camera, part.key.trigger_id, part.decided_at)
    return MovedPart(*named, p_ng, each.is_ng, before, after)


class TaughtHeat(NamedTuple):
    """The heat map of a taught model over one reviewed part."""

    result_id: str
    is_ng: bool
    p_ng: float
    heat: HeatMap

    def as_json(self) -> dict[str, Any]:
        heat = {name: getattr(self.heat, name) for name in ("rows", "columns", "least", "most")}
        return self._asdict() | {"heat": heat | {"bbox_norm": self.heat.box, "levels": list(self.heat.levels)}}


def taught_heat(model: TaughtModel, reviewed: TeachingParts, pipeline: Pipeline) -> list[TaughtHeat]:
    """Return heat maps over the newest parts: of the newest fifth before those that taught, NG before OK parts."""
    held, shown = reviewed.measured_groups, list[TaughtHeat]()
    rows = list(zip(reviewed.histories, reviewed.parts, strict=True))[::-1]
    for each, part in sorted(rows, key=lambda row: (not row[1].is_ng, row[1].group not in held)):
        opinion = model.opinion(part.features)
        heat = heat_map(opinion.heat, pipeline.region(each.part.key.camera))
        shown += [TaughtHeat(each.part.result_id, part.is_ng, opinion.p_ng, heat)] if heat else []
        if len(shown) == MAX_HEAT_MAPS:
            break
    return shown
