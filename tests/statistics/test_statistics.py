"""Statistics over sums that a list holds: yield, errors, Pareto, reviewers, and the times that are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from support.fakes import NOON
from support.listed_sums import ListedSums

from inspector.domain.declared import Disposition
from inspector.errors import InspectorError
from inspector.ports.archive import QUARTER
from inspector.ports.statistics import GivenAnswer, OutcomeSum, ReviewedSum
from inspector.statistics.calendar import Period, PlantCalendar, read_shifts
from inspector.statistics.statistics import Scope, Statistics

PASS, REJECT, REVIEW = Disposition.PASS, Disposition.REJECT, Disposition.REVIEW
WEEK = Scope(NOON - timedelta(days=6), NOON + timedelta(days=1))


def over(archive: ListedSums, *shifts: str) -> Statistics:
    calendar = PlantCalendar(ZoneInfo("UTC"), read_shifts(shifts))
    return Statistics(archive, calendar, now=lambda: NOON + timedelta(hours=1, minutes=7))


def a_sum(
    disposition: Disposition, parts: int, *, start: datetime = NOON, is_judged: bool = True, late: int = 0
) -> OutcomeSum:
    return OutcomeSum(start, disposition, disposition if is_judged else REVIEW, is_judged, parts, late)


def test_yield_tells_unjudged_parts_apart() -> None:
    sums = [a_sum(PASS, 90), a_sum(REJECT, 5, late=1), a_sum(REVIEW, 3), a_sum(REVIEW, 2, is_judged=False)]
    total = over(ListedSums(sums)).first_pass(WEEK, Period.DAY).total
    assert total.first_pass == 0.90
    assert total.would_pass == pytest.approx(90 / 98)
    assert (total.parts, total.unjudged, total.judged, total.late) == (100, 2, 98, 1)


def test_line_in_commissioning_passes_nothing_and_would_pass_much() -> None:
    withheld = OutcomeSum(NOON, REVIEW, PASS, True, 40, 0)
    total = over(ListedSums([withheld])).first_pass(WEEK, Period.DAY).total
    assert (total.first_pass, total.would_pass) == (0.0, 1.0)


def test_yield_without_parts_is_no_number() -> None:
    total = over(ListedSums()).first_pass(WEEK, Period.DAY).total
    assert (total.first_pass, total.would_pass) == (None, None)


def test_parts_fall_into_their_shifts() -> None:
    sums = [
        a_sum(PASS, 1, start=NOON - timedelta(hours=7)),
        a_sum(PASS, 2),
        a_sum(PASS, 4, start=NOON + timedelta(hours=2)),
    ]
    shown = over(ListedSums(sums), "06:00", "14:00", "22:00").first_pass(WEEK, Period.SHIFT).periods
    counted = {each.span.label: each.first_pass.parts for each in shown if each.first_pass.parts}
    assert counted == {"2026-03-01 22:00": 1, "2026-03-02 06:00": 2, "2026-03-02 14:00": 4}


def test_without_times_the_last_seven_production_days_are_counted() -> None:
    archive = ListedSums()
    over(archive, "06:00").first_pass(Scope(line="pcb"), Period.DAY)
    (query,) = archive.asked
    assert query.since == (NOON - timedelta(days=6)).replace(hour=6)
    assert query.until == NOON + timedelta(hours=1, minutes=15)
    assert query.line == "pcb"


@pytest.mark.parametrize(
    ("scope", "period", "problem"),
    [
        (Scope(NOON, NOON), Period.DAY, "is not before"),
        (Scope(NOON - timedelta(days=32), NOON), Period.HOUR, "32 days are more than the 31"),
        (Scope(NOON - timedelta(days=401), NOON), Period.DAY, "401 days are more than the 400"),
        (Scope(NOON.replace(year=1), NOON), Period.DAY, "only times from 2000 to 2199"),
    ],
)
def test_time_that_can_not_be_counted_is_refused(scope: Scope, period: Period, problem: str) -> None:
    with pytest.raises(InspectorError, match=problem):
        over(ListedSums()).first_pass(scope, period)


def reviewed(would_be: Disposition, is_ng: bool, parts: int, probability: float | None = None) -> ReviewedSum:
    return ReviewedSum(NOON, would_be, is_ng, probability, parts)


def test_errors_over_reviewed_parts_have_exact_intervals() -> None:
    truths = [
        reviewed(PASS, True, 1),
        reviewed(REJECT, True, 19),
        reviewed(PASS, False, 50),
        reviewed(REJECT, False, 0),
    ]
    errors = over(ListedSums(reviewed=truths)).errors(WEEK, Period.DAY).total
    assert (errors.escapes.found, errors.escapes.parts) == (1, 20)
    assert errors.escapes.low == pytest.approx(0.00127, abs=1e-5)
    assert errors.escapes.high == pytest.approx(0.24873, abs=1e-5)
    assert errors.overkill.value == 0.0
    assert errors.overkill.high == pytest.approx(1 - 0.025 ** (1 / 50))
    assert errors.audited is None


def test_audits_are_weighted_by_what_they_stand_for() -> None:
    outcomes = [a_sum(PASS, 10_000), a_sum(REJECT, 500)]
    truths = [
        reviewed(PASS, True, 1, 0.01),
        reviewed(PASS, False, 99, 0.01),
        reviewed(REJECT, True, 400, 1.0),
        reviewed(REJECT, False, 100, 1.0),
    ]
    audited = over(ListedSums(outcomes, truths)).errors(WEEK, Period.DAY).total.audited
    assert audited is not None
    assert audited.escapes.value == pytest.approx(100 / 500)
    assert audited.overkill.value == pytest.approx(100 / (100 + 9_900))
    assert audited.escapes.high is not None
    assert audited.escapes.high > 0.5
    assert [each.parts for each in audited.strata] == [10_000, 500]


def test_disposition_without_audits_is_named() -> None:
    outcomes = [a_sum(PASS, 1000), a_sum(REJECT, 100)]
    audited = over(ListedSums(outcomes, [reviewed(REJECT, True, 10, 0.1)])).errors(WEEK, Period.DAY).total.audited
    assert audited is not None
    assert list(audited.missing) == [PASS]
    assert audited.escapes.value is None
    assert audited.escapes.high == pytest.approx(1.0, abs=0.1)


def test_pareto_has_the_most_frequent_class_first_and_cumulates() -> None:
    shown = over(ListedSums(defects={"dent": 1, "scratch": 6, "short": 3})).pareto(WEEK).reported
    assert [(each.defect, each.share, each.cumulative) for each in shown] == [
        ("scratch", 0.6, 0.6),
        ("short", 0.3, pytest.approx(0.9)),
        ("dent", 0.1, 1.0),
    ]


def an_answer(
    part: int, reviewer: str, label: str, *, at: datetime = NOON, blind: bool = True, s: float | None = 6.0
) -> GivenAnswer:
    return GivenAnswer(part, reviewer, label, at, s, blind)


def test_reviewers_have_throughput_and_agreement() -> None:
    given = [an_answer(part, "ann", "NG") for part in range(10)]
    given += [an_answer(part, "bob", "NG" if part else "OK", s=None) for part in range(4)]
    given.append(an_answer(99, "cay", "OK", at=NOON - timedelta(days=60)))
    ann, bob = over(ListedSums(given=given)).reviewers(WEEK, Period.DAY).people
    assert (ann.reviewer, ann.answers, ann.labels) == ("ann", 10, {"NG": 10})
    assert (ann.median_s, ann.per_hour) == (6.0, 600.0)
    assert (ann.agreement.found, ann.agreement.parts) == (3, 4)
    assert (bob.median_s, bob.per_hour) == (None, None)
    assert bob.labels == {"NG": 3, "OK": 1}


def test_answer_that_saw_another_one_says_nothing_about_agreement() -> None:
    given = [an_answer(1, "ann", "NG"), an_answer(1, "bob", "NG", blind=False)]
    for person in over(ListedSums(given=given)).reviewers(WEEK, Period.DAY).people:
        assert person.agreement.parts == 0


def test_answers_are_counted_by_day_and_person() -> None:
    given = [
        an_answer(1, "ann", "NG"),
        an_answer(2, "ann", "OK"),
        an_answer(1, "bob", "NG", at=NOON - timedelta(days=1)),
    ]
    periods = over(ListedSums(given=given)).reviewers(WEEK, Period.DAY).periods
    counted = {each.span.label: each.answers for each in periods if each.answers}
    assert counted == {"2026-03-01": {"bob": 1}, "2026-03-02": {"ann": 2}}


@pytest.mark.parametrize(
    "shifts", [("02:30", "03:15", "14:00"), ("01:30", "02:15", "03:00"), ("02:00", "03:00", "12:00")]
)
def test_each_part_counts_in_one_shift_where_the_clock_skips_an_hour(shifts: tuple[str, ...]) -> None:
    change = datetime(2026, 3, 29, 1, tzinfo=UTC)
    starts = [change + number * QUARTER for number in range(-96, 96)]
    calendar = PlantCalendar(ZoneInfo("Europe/Berlin"), read_shifts(shifts))
    statistics = Statistics(ListedSums([a_sum(PASS, 1, start=start) for start in starts]), calendar)
    shown = statistics.first_pass(Scope(starts[0], starts[-1] + QUARTER), Period.SHIFT)
    assert [each.first_pass.parts for each in shown.periods] == [
        (each.span.end - each.span.start) // QUARTER for each in shown.periods
    ]
    assert sum(each.first_pass.parts for each in shown.periods) == shown.total.parts == len(starts)
