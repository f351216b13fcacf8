"""Days and shifts in the plant's time, over midnight and over changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.ports.archive import QUARTER
from inspector.statistics.calendar import Period, PlantCalendar, read_shifts, read_zone, whole_quarters
from inspector.utc import span_start

ZONES = ("UTC", "Europe/Berlin", "Asia/Seoul", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns")
times = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))
calendars = st.builds(
    PlantCalendar,
    st.sampled_from(ZONES).map(ZoneInfo),
    st.sampled_from([(time(0),), (time(6), time(14), time(22)), (time(5, 45), time(17, 45))]),
)


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@given(calendars, times, st.timedeltas(timedelta(minutes=1), timedelta(days=20)), st.sampled_from(Period))
def test_spans_fill_a_time_without_gaps(
    calendar: PlantCalendar, since: datetime, length: timedelta, period: Period
) -> None:
    since, until = whole_quarters(since, since + length)
    spans = list(calendar.spans(since, until, period))
    assert spans[0].start == since
    assert spans[-1].end == until
    assert [span.end for span in spans[:-1]] == [span.start for span in spans[1:]]
    assert all(span_start(span.start, QUARTER) == span.start for span in spans)


def test_shift_after_midnight_belongs_to_the_day_before() -> None:
    calendar = PlantCalendar(ZoneInfo("Asia/Seoul"), read_shifts(["06:00", "14:00", "22:00"]))
    night = at(2, 18)  # 03:00 on the 3rd in Seoul
    assert calendar.day_of(night) == at(1, 21)  # 06:00 on the 2nd
    (span,) = calendar.spans(night, night + timedelta(hours=1), Period.SHIFT)
    assert span.label == "2026-11-02 22:00"
    (day,) = calendar.spans(night, night + timedelta(hours=1), Period.DAY)
    assert day.label == "2026-11-02"


def test_day_of_a_plant_in_india_begins_at_half_past_in_utc() -> None:
    calendar = PlantCalendar(ZoneInfo("Asia/Kolkata"))
    days = list(calendar.spans(at(1, 0), at(3, 0), Period.DAY))
    assert [day.start for day in days] == [at(1, 0), at(1, 18, 30), at(2, 18, 30)]


def test_day_on_which_clocks_change_has_23_hours() -> None:
    calendar = PlantCalendar(ZoneInfo("Europe/Berlin"))
    days = list(calendar.spans(at(28, 0, month=3), at(31, 0, month=3), Period.DAY))
    assert [day.end - day.start for day in days][1] == timedelta(hours=23)
    assert days[1].label == "2026-03-29"


@pytest.mark.parametrize("name", ["", "Mars/Base", "../etc", "Europe", "UTC\0"])
def test_zone_that_does_not_exist_is_refused_with_a_remedy(name: str) -> None:
    with pytest.raises(ValueError, match="is no time zone; use a name such as"):
        read_zone(name)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (["late"], "is no time of day; write it as 06:00"),
        (["06:10"], "begins no quarter of an hour"),
        (["06:00+01:00"], "begins no quarter of an hour"),
        (["14:00", "06:00"], "are not in order"),
        (["06:00", "06:00"], "are not in order"),
    ],
)
def test_shifts_that_can_not_be_counted_are_refused(written: list[str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_shifts(written)
