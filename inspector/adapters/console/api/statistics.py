"""Statistics of lines and reviewers by hour, shift or day, in the plant's time."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from inspector.adapters.console.api.models import ApiModel, ApiRequest, Moment, ShareAnswer
from inspector.adapters.console.api.person import Viewer, shows_own_lines
from inspector.adapters.console.api.problems import READ_RESPONSES, ProblemType, problem_responses
from inspector.adapters.console.services import Services
from inspector.domain.declared import Disposition, Name
from inspector.domain.person import Person, Role
from inspector.statistics.calendar import Period
from inspector.statistics.statistics import Scope

router = APIRouter(
    prefix="/stats", tags=["statistics"], responses=READ_RESPONSES | problem_responses(ProblemType.REFUSED)
)


class ScopeParameters(ApiRequest):
    """Which parts to count. Times are widened to whole quarters of an hour."""

    since: Moment | None = Field(default=None, alias="from", description="default: six days before today")
    until: Moment | None = Field(default=None, alias="to", description="default: now")
    line: Name | None = Field(default=None, description="only this line")
    camera: Name | None = Field(default=None, description="only this camera")
    simulated: bool | None = Field(default=None, description="only simulated parts, or none of them; default: all")

    def scope(self, who: Person) -> Scope:
        """Return what to count, limited to the lines that this person may see."""
        return Scope(self.since, self.until, self.line, self.camera, self.simulated, who.lines_as(Role.VIEWER))


class PeriodParameters(ScopeParameters):
    by: Period = Field(default=Period.DAY, description="what to group by; a day begins with its first shift")


class SpanAnswer(ApiModel):
    start: AwareDatetime
    end: AwareDatetime
    label: str = Field(description="in the plant's time, as people say it")


class EstimateAnswer(ApiModel):
    """A share that audits estimate, with an interval that holds at 95 % at least."""

    value: float | None
    low: float | None
    high: float | None


class ParetoClassAnswer(ApiModel):
    defect: str
    parts: int = Field(ge=0)
    share: float
    cumulative: float


class ParetoAnswer(ApiModel):
    """Defect classes, the most frequent first: as reports name them, and as people named them."""

    since: AwareDatetime
    until: AwareDatetime
    reported: tuple[ParetoClassAnswer, ...]
    reviewed: tuple[ParetoClassAnswer, ...]


class FirstPassAnswer(ApiModel):
    """What became of parts. Shares are null where there were none."""

    parts: int = Field(ge=0)
    passed: int = Field(ge=0)
    rejected: int = Field(ge=0)
    review: int = Field(ge=0)
    unjudged: int = Field(ge=0, description="parts that got the fail-safe without a vote")
    late: int = Field(ge=0)
    first_pass: float | None = Field(description="share of all parts that the gate passed")
    would_pass: float | None = Field(description="share of judged parts that a LIVE line would pass")


class PeriodYieldAnswer(ApiModel):
    span: SpanAnswer
    first_pass: FirstPassAnswer


class YieldAnswer(ApiModel):
    since: AwareDatetime
    until: AwareDatetime
    total: FirstPassAnswer
    periods: tuple[PeriodYieldAnswer, ...]


class AuditStratumAnswer(ApiModel):
    """Judged parts of one disposition, drawn by audits with one probability."""

    disposition: Disposition
    probability: float
    audited: int
    ng: int
    parts: float = Field(description="that these audits stand for")


class AuditAnswer(ApiModel):
    """Escapes and overkill of all judged parts, as audits estimate them."""

    escapes: EstimateAnswer
    overkill: EstimateAnswer
    strata: tuple[AuditStratumAnswer, ...]
    missing: tuple[Disposition, ...] = Field(description="dispositions without audits: they leave the estimate open")


class ErrorsAnswer(ApiModel):
    """`escapes` and `overkill` are shares of the reviewed NG and OK parts, whose choice favours doubtful ones."""

    escapes: ShareAnswer
    overkill: ShareAnswer
    audited: AuditAnswer | None


class PeriodErrorsAnswer(ApiModel):
    span: SpanAnswer
    errors: ErrorsAnswer


class ErrorFiguresAnswer(ApiModel):
    since: AwareDatetime
    until: AwareDatetime
    total: ErrorsAnswer
    periods: tuple[PeriodErrorsAnswer, ...]


class ReviewerAnswer(ApiModel):
    reviewer: str
    answers: int
    labels: dict[str, int]
    median_s: float | None = Field(description="seconds for one answer; null where they are not known")
    per_hour: float | None = Field(description="answers per hour of answering")
    agreement: ShareAnswer = Field(description="of pairs of blind answers by different people to the same part")


class PeriodAnswersAnswer(ApiModel):
    span: SpanAnswer
    answers: dict[str, int] = Field(description="by reviewer")


class ReviewersAnswer(ApiModel):
    since: AwareDatetime
    until: AwareDatetime
    people: tuple[ReviewerAnswer, ...]
    periods: tuple[PeriodAnswersAnswer, ...]
    is_cut: bool = Field(description="there were more answers than are counted; the oldest are left out")


@router.get("/pareto", response_model=ParetoAnswer)
@shows_own_lines
def read_pareto(services: Services, asked: Annotated[ScopeParameters, Query()], who: Viewer) -> Any:
    """Return defect classes by the number of parts of one's lines that show them."""
    return services.statistics.pareto(asked.scope(who))


@router.get("/yield", response_model=YieldAnswer)
@shows_own_lines
def read_yield(services: Services, asked: Annotated[PeriodParameters, Query()], who: Viewer) -> Any:
    """Return the first-pass yield, with unjudged parts apart."""
    return services.statistics.first_pass(asked.scope(who), asked.by)


@router.get("/errors", response_model=ErrorFiguresAnswer)
@shows_own_lines
def read_errors(services: Services, asked: Annotated[PeriodParameters, Query()], who: Viewer) -> Any:
    """Return escapes and overkill by people's reviews, with exact intervals."""
    return services.statistics.errors(asked.scope(who), asked.by)


@router.get("/reviewers", response_model=ReviewersAnswer)
@shows_own_lines
def read_reviewers(services: Services, asked: Annotated[PeriodParameters, Query()], who: Viewer) -> Any:
    """Return what each reviewer answered, how fast, and how often two people agree."""
    return services.statistics.reviewers(asked.scope(who), asked.by)
