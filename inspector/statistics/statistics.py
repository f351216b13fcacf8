"""Statistics of lines and reviewers by hour, shift or day, in the plant's time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from inspector.errors import InspectorError
from inspector.ports.statistics import StatisticsArchive, StatisticsQuery
from inspector.statistics.calendar import Period, PlantCalendar, PlantTime, whole_quarters
from inspector.statistics.defect_pareto import ParetoClass, pareto
from inspector.statistics.first_pass import FirstPass, first_pass_of
from inspector.statistics.grouping import by_span
from inspector.statistics.judgement_errors import JudgementErrors, judgement_errors
from inspector.statistics.reviewer_figures import ReviewerFigures, reviewer_figures
from inspector.utc import utc_now

DEFAULT_DAYS: Final = 7
LONGEST: Final = {Period.HOUR: timedelta(days=31), Period.SHIFT: timedelta(days=400), Period.DAY: timedelta(days=400)}
YEARS: Final = range(2000, 2200)
MAX_ANSWERS: Final = 100_000  # of reviewers, in one answer


class Scope(NamedTuple):
    """Which parts to count. Without times: the last week, up to now, in whole production days.

    `lines` are all that may be counted.
    """

    since: datetime | None = None
    until: datetime | None = None
    line: str | None = None
    camera: str | None = None
    is_simulated: bool | None = None
    lines: tuple[str, ...] | None = None


class Pareto(NamedTuple):
    """Defect classes by what reports name, and by what people named. `since` and `until` are what was counted."""

    since: datetime
    until: datetime
    reported: Sequence[ParetoClass]
    reviewed: Sequence[ParetoClass]


class PeriodYield(NamedTuple):
    span: PlantTime
    first_pass: FirstPass


class Yield(NamedTuple):
    since: datetime
    until: datetime
    total: FirstPass
    periods: Sequence[PeriodYield]


class PeriodErrors(NamedTuple):
    span: PlantTime
    errors: JudgementErrors


class ErrorFigures(NamedTuple):
    since: datetime
    until: datetime
    total: JudgementErrors
    periods: Sequence[PeriodErrors]


class PeriodAnswers(NamedTuple):
    """How many answers each person gave in a period."""

    span: PlantTime
    answers: dict[str, int]


class Reviewers(NamedTuple):
    """`is_cut`: there were more answers than are counted, and the oldest are left out."""

    since: datetime
    until: datetime
    people: Sequence[ReviewerFigures]
    periods: Sequence[PeriodAnswers]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics over one ledger. Every method raises LedgerError, and InspectorError for a time that is too long."""

    archive: StatisticsArchive
    calendar: PlantCalendar
    now: Callable[[], datetime] = utc_now

    def pareto(self, scope: Scope) -> Pareto:
        """Return defect classes by the number of parts that show them."""
        query = self._query(scope, Period.DAY)
        reported, reviewed = self.archive.defect_sums(query), self.archive.reviewed_defect_sums(query)
        return Pareto(query.since, query.until, pareto(reported), pareto(reviewed))

    def first_pass(self, scope: Scope, period: Period) -> Yield:
        """Return what became of the parts, and the share that passed the first time."""
        query = self._query(scope, period)
        sums = self.archive.outcome_sums(query)
        groups = by_span(sums, self._spans(query, period), lambda each: each.start)
        periods = [PeriodYield(span, first_pass_of(group)) for span, group in groups]
        return Yield(query.since, query.until, first_pass_of(sums), periods)

    def errors(self, scope: Scope, period: Period) -> ErrorFigures:
        """Return escapes and overkill with exact intervals."""
        query = self._query(scope, period)
        outcomes, reviewed = self.archive.outcome_sums(query), self.archive.reviewed_sums(query)
        spans = self._spans(query, period)
        parts = by_span(outcomes, spans, lambda each: each.start)
        truths = by_span(reviewed, spans, lambda each: each.start)
        periods = [
            PeriodErrors(span, judgement_errors(known, counted))
            for (span, counted), (_, known) in zip(parts, truths, strict=True)
        ]
        return ErrorFigures(query.since, query.until, judgement_errors(reviewed, outcomes), periods)

    def reviewers(self, scope: Scope, period: Period) -> Reviewers:
        """Return what each reviewer answered in this time, how fast, and how often two people agree."""
        query = self._query(scope, period)
        answers = self.archive.answers(query, MAX_ANSWERS)
        own = [each for each in answers if query.since <= each.at < query.until]
        groups = by_span(own, self._spans(query, period), lambda each: each.at)
        periods = [PeriodAnswers(span, _by_reviewer([each.reviewer for each in group])) for span, group in groups]
        people = reviewer_figures(answers, query.since, query.until)
        return Reviewers(query.since, query.until, people, periods, len(own) >= MAX_ANSWERS)

    def _query(self, scope: Scope, period: Period) -> StatisticsQuery:
        if any(at is not None and at.year not in YEARS for at in scope[:2]):
            raise InspectorError(f"from: only times from {YEARS[0]} to {YEARS[-1]} are counted; correct it")
        until = scope.until or self.now()
        since = scope.since or self.calendar.day_of(until, back=DEFAULT_DAYS - 1)
        if since >= until:
            raise InspectorError(f"from: {since:%Y-%m-%d %H:%M} is not before {until:%Y-%m-%d %H:%M}; correct one")
        if until - since > LONGEST[period]:
            raise InspectorError(
                f"from: {(until - since).days} days are more than the {LONGEST[period].days} that are counted by "
                f"{period} at a time; choose a shorter time"
            )
        return StatisticsQuery(*whole_quarters(since, until), scope.line, scope.camera, scope.is_simulated, scope.lines)

    def _spans(self, query: StatisticsQuery, period: Period) -> list[PlantTime]:
        return list(self.calendar.spans(query.since, query.until, period))


def _by_reviewer(names: Sequence[str]) -> dict[str, int]:
    return {name: names.count(name) for name in sorted(set(names))}
