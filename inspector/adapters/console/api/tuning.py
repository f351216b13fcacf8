"""Tuning a line: the scores of its parts, other limits before they are live, and limits for a promise."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Response
from pydantic import Field

from inspector.adapters.console.api.models import ApiModel, ApiRequest, LineName, ShareAnswer
from inspector.adapters.console.api.problems import READ_RESPONSES, Problem, ProblemType, problem_responses
from inspector.adapters.console.services import Services
from inspector.domain.declared import Disposition, Name, Severity
from inspector.domain.pipeline import Thresholds
from inspector.lines.threshold_advice import ThresholdAdvice
from inspector.lines.tuning import CameraShares, LimitShares, OtherSettings, PartMove, ScoreColumns, WhatIf
from inspector.lines.versions import readable
from inspector.tuning.review_plan import ReviewPlan
from inspector.tuning.threshold_choice import ThresholdPoint, ThresholdPromise

MAX_RUNGS = 64

router = APIRouter(prefix="/lines/{line}", tags=["tuning"])

TUNING_RESPONSES = READ_RESPONSES | problem_responses(ProblemType.REFUSED)
Limit = Annotated[float, Field(ge=0.0, le=1.0)]


class ScoresAnswer(ApiModel):
    """The scores of a line's newest 20,000 parts, and of all its reviewed ones, in columns of one entry per part.

    `camera` and `disposition` are indexes of `cameras` and `dispositions`; `disposition` is what the votes made of the
    part.
    """

    line: str
    version: int
    fingerprints: tuple[str, ...]
    cameras: tuple[str, ...]
    dispositions: tuple[Disposition, ...]
    thresholds: Thresholds
    number: list[int]
    p_ng: list[list[float | None]] = Field(description="one column per rung; null for parts not asked in it")
    truth: list[int | None] = Field(description="1: NG, 0: OK, null: no truth")
    weight: list[float | None] = Field(description="the parts that a reviewed part stands for")
    taught: list[float | None] = Field(description="score of the second opinion; null where there is none")
    camera: list[int]
    disposition: list[int]

    @classmethod
    def of(cls, scores: ScoreColumns, thresholds: Thresholds) -> ScoresAnswer:
        """Build the answer without a check of each number: they come from arrays."""
        return cls.model_construct(
            line=scores.line,
            version=scores.version,
            fingerprints=scores.fingerprints,
            cameras=scores.cameras,
            dispositions=scores.dispositions,
            thresholds=thresholds,
            number=scores.number.tolist(),
            p_ng=[_optional(each) for each in scores.p_ng],
            truth=[None if each < 0 else each for each in scores.truth.tolist()],
            weight=_optional(scores.weight),
            taught=_optional(scores.opinion),
            camera=scores.camera.tolist(),
            disposition=scores.disposition.tolist(),
        )


class LimitsQuery(ApiRequest):
    """Other limits; one that is left out stays as it is live."""

    pass_below: Limit | None = None
    reject_above: Limit | None = None


class WhatIfQuery(LimitsQuery):
    """Other limits, a shorter ladder, and which parts to look at."""

    rungs: int | None = Field(default=None, ge=1, le=MAX_RUNGS, description="replay only the ladder's first rungs")
    camera: Name | None = Field(default=None, description="only parts of this camera")


class SharesAnswer(ApiModel):
    """Shares under one pair of limits: escapes of NG parts, overkill of OK parts, reviews of all parts."""

    escape: ShareAnswer
    overkill: ShareAnswer
    review: ShareAnswer

    @classmethod
    def of(cls, shares: LimitShares) -> SharesAnswer:
        return cls(**{name: ShareAnswer.model_validate(share) for name, share in shares._asdict().items()})


class CameraSharesAnswer(ApiModel):
    """Shares of one camera's parts."""

    camera: str
    before: SharesAnswer
    after: SharesAnswer

    @classmethod
    def of(cls, shares: CameraShares) -> CameraSharesAnswer:
        return cls(camera=shares.camera, before=SharesAnswer.of(shares.before), after=SharesAnswer.of(shares.after))


class DefectEscapesAnswer(ApiModel):
    """NG parts of one defect class, or of one severity, that pass before and after.

    Classes are those that people named, else those of the report. `defect` null: nobody named one.
    """

    defect: str | None
    severity: Severity | None
    before: ShareAnswer
    after: ShareAnswer


class MoveAnswer(ApiModel):
    """A part that would get another disposition. Null: its votes end too early to know.

    `is_escape`: people called it NG, and it would newly pass, or could.
    """

    number: int
    result_id: str
    camera: str
    trigger_id: str
    part_id: str | None
    decided_at: datetime
    p_ng: float | None
    is_ng: bool | None
    before: Disposition | None
    after: Disposition | None
    is_escape: bool
    defects: tuple[str, ...] = Field(description="classes of an NG part")

    @classmethod
    def of(cls, move: PartMove) -> MoveAnswer:
        names = ("number", "result_id", "camera", "trigger_id", "part_id", "decided_at", "p_ng")
        named = {name: getattr(move.part, name) for name in names}
        told = ("is_ng", "before", "after", "is_escape", "defects")
        return cls(**named, **{name: getattr(move, name) for name in told})


class MovedCount(ApiModel):
    """Parts that go from one disposition to another."""

    before: Disposition
    after: Disposition
    parts: int


class WhatIfAnswer(ApiModel):
    """What other limits would do to the stored parts; the same figures as the price of a draft with these limits.

    `rungs` of the ladder's `ladder` rungs were replayed; a line with a shorter ladder needs a new qualification. A part
    counts in each of its `defects`, and in the most serious severity of them. Pairs are before and after. `moves` lists
    at most 500 of `moved` parts: escapes first, then reviewed parts, then the newest. `unknown` parts would have been
    asked more.
    """

    line: str
    version: int
    thresholds: Thresholds
    rungs: int
    ladder: int
    camera: str | None
    fingerprints: tuple[str, ...]
    parts: int
    unknown: int
    reviewed: int
    before: SharesAnswer
    after: SharesAnswer
    cameras: tuple[CameraSharesAnswer, ...]
    severities: tuple[DefectEscapesAnswer, ...] = Field(description="escapes by severity, the most serious first")
    defects: tuple[DefectEscapesAnswer, ...] = Field(description="escapes by defect class, the most serious first")
    moved_by_disposition: tuple[MovedCount, ...]
    moved: int
    moves: tuple[MoveAnswer, ...]
    escapes: int = Field(description="NG parts that would newly pass, or could; a change must accept their number")
    unknown_ng: int
    votes: tuple[float, float]
    latency_ms: tuple[float, float]
    reviews_per_hour: tuple[float, float]

    @classmethod
    def of(cls, found: WhatIf) -> WhatIfAnswer:
        impact = found.impact
        counts = sorted(impact.moved.items())
        return cls(
            line=found.line,
            version=found.version,
            thresholds=found.settings.thresholds,
            rungs=found.ladder if found.settings.rungs is None else found.settings.rungs,
            ladder=found.ladder,
            camera=found.settings.camera,
            fingerprints=found.fingerprints,
            parts=impact.parts,
            unknown=impact.unknown,
            reviewed=impact.reviewed,
            before=SharesAnswer.of(found.before),
            after=SharesAnswer.of(found.after),
            cameras=tuple(CameraSharesAnswer.of(each) for each in found.cameras),
            severities=tuple(map(DefectEscapesAnswer.model_validate, found.severities)),
            defects=tuple(map(DefectEscapesAnswer.model_validate, found.defects)),
            moved_by_disposition=tuple(MovedCount(before=old, after=new, parts=parts) for (old, new), parts in counts),
            moved=found.moved,
            moves=tuple(MoveAnswer.of(each) for each in found.moves),
            escapes=found.escapes,
            unknown_ng=found.unknown_ng,
            votes=impact.votes,
            latency_ms=found.latency_ms,
            reviews_per_hour=found.reviews_per_hour,
        )


class PromiseQuery(ApiRequest):
    """At most this share of NG parts passes, with this confidence; likewise the share of OK parts that are rejected."""

    escape: float = Field(gt=0.0, lt=1.0)
    confidence: float = Field(default=0.95, ge=0.5, lt=1.0)
    overkill: float | None = Field(default=None, gt=0.0, lt=1.0)


class PointAnswer(ApiModel):
    """One pair of limits. `escape_bound` and `overkill_bound` are exact upper bounds; `escape_estimate` weighs parts.

    `ng_missing` further NG parts, none of which passes, would prove the promise; 0: it is proved.
    """

    thresholds: Thresholds
    escape_estimate: float
    escape_bound: float
    overkill_estimate: float
    overkill_bound: float
    review_estimate: float
    ng_missing: int | None
    is_proved: bool

    @classmethod
    def of(cls, point: ThresholdPoint) -> PointAnswer:
        return cls(
            thresholds=point.thresholds,
            escape_estimate=point.escape.estimate,
            escape_bound=point.escape.bound,
            overkill_estimate=point.overkill.estimate,
            overkill_bound=point.overkill.bound,
            review_estimate=point.review.estimate,
            ng_missing=point.escape.more,
            is_proved=point.is_proved,
        )


class ReviewPlanAnswer(ApiModel):
    """The reviews that would prove the nearest limits: how many of each disposition, and the parts, as a queue.

    `is_sufficient`: the stored parts probably hold enough NG parts. `share` of each disposition has to be reviewed.
    """

    ng_missing: int
    share: float | None
    more: dict[Disposition, int]
    is_sufficient: bool
    result_ids: tuple[str, ...]

    @classmethod
    def of(cls, plan: ReviewPlan, advice: ThresholdAdvice) -> ReviewPlanAnswer:
        return cls(
            ng_missing=plan.ng_missing,
            share=plan.share,
            more=dict(plan.more),
            is_sufficient=plan.is_sufficient,
            result_ids=tuple(part.result_id for part in advice.next_parts),
        )


class EscapeTargetAnswer(ApiModel):
    """Limits that keep the promise, or what is missing. `chosen` is null where no pair of limits is proved.

    `reviewed_elsewhere` counts reviewed parts of other fingerprints, which do not count here.
    """

    line: str
    version: int
    fingerprint: str
    chosen: PointAnswer | None
    current: PointAnswer
    nearest: PointAnswer | None
    review_next: ReviewPlanAnswer | None
    reviewed_elsewhere: int

    @classmethod
    def of(cls, advice: ThresholdAdvice) -> EscapeTargetAnswer:
        choice, live = advice.choice, advice.live
        return cls(
            line=live.pipeline.line,
            version=live.version,
            fingerprint=advice.fingerprint,
            chosen=PointAnswer.of(choice.chosen) if choice.chosen else None,
            current=PointAnswer.of(choice.current),
            nearest=PointAnswer.of(choice.nearest) if choice.nearest else None,
            review_next=ReviewPlanAnswer.of(advice.plan, advice) if advice.plan else None,
            reviewed_elsewhere=advice.reviewed_elsewhere,
        )


@router.get("/scores", response_model=ScoresAnswer)
def read_scores(services: Services, line: LineName) -> Response:
    """Return the scores of a line's parts in columns, for histograms."""
    scores = services.changes.tuning.scores(line)
    answer = ScoresAnswer.of(scores, _live_limits(services, line, LimitsQuery()))
    return Response(answer.model_dump_json(), media_type="application/json")


@router.get("/what-if", responses=TUNING_RESPONSES)
def read_what_if(services: Services, line: LineName, query: Annotated[WhatIfQuery, Query()]) -> WhatIfAnswer:
    """Say what other limits, or a shorter ladder, would do to the stored parts: shares, and the parts that move."""
    settings = OtherSettings(_live_limits(services, line, query), query.rungs, query.camera)
    return WhatIfAnswer.of(services.changes.tuning.what_if(line, settings))


@router.get("/escape-target", responses=TUNING_RESPONSES)
def read_escape_target(
    services: Services, line: LineName, query: Annotated[PromiseQuery, Query()]
) -> EscapeTargetAnswer:
    """Choose the widest limits that keep a promise about escapes, or name the parts to review next."""
    promise = ThresholdPromise(query.escape, query.overkill, query.confidence)
    return EscapeTargetAnswer.of(services.changes.thresholds.advise(line, promise))


def _live_limits(services: Services, line: str, query: LimitsQuery) -> Thresholds:
    live = readable(services.changes.versions.history(line)[-1]).pipeline.thresholds
    low = live.pass_below if query.pass_below is None else query.pass_below
    high = live.reject_above if query.reject_above is None else query.reject_above
    if low > high:
        problem, remedy = f"{high:g} is below pass_below {low:g}", f"use at least {low:g}"
        raise Problem.of_field(ProblemType.BAD_PARAMETER, "reject_above", problem, remedy)
    return Thresholds(pass_below=low, reject_above=high)


def _optional(column: Any) -> list[Any]:
    """Return plain numbers; None for NaN."""
    return list(np.where(np.isnan(column), None, column))
