"""Days and shifts in the plant's time, over midnight and over changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
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


# shifts by the quarter of an hour, and days on which clocks change: at midnight, by half an hour, over a whole date
CHANGING_ZONES = (
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/St_Johns",
    "America/Santiago",
    "America/Havana",
    "America/Nuuk",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
starts_of_shifts = st.lists(st.integers(0, 95), min_size=1, max_size=6, unique=True).map(
    lambda quarters: tuple(time(each // 4, each % 4 * 15) for each in sorted(quarters))
)


@lru_cache
def clock_changes(zone: str) -> list[datetime]:
    """Return the hours in which the zone's clock changes, from 2005 to 2030."""
    hours = [datetime(2005, 1, 1, tzinfo=UTC) + number * timedelta(hours=6) for number in range(25 * 365 * 4)]
    offsets = [each.astimezone(ZoneInfo(zone)).utcoffset() for each in hours]
    return [hours[at] for at in range(1, len(hours)) if offsets[at] != offsets[at - 1]]


@given(st.data(), starts_of_shifts, st.sampled_from([Period.SHIFT, Period.DAY]))
def test_every_quarter_falls_into_one_shift_and_one_day_where_clocks_change(
    data: st.DataObject, shifts: tuple[time, ...], period: Period
) -> None:
    zone = data.draw(st.sampled_from(CHANGING_ZONES))
    calendar, change = PlantCalendar(ZoneInfo(zone), shifts), data.draw(st.sampled_from(clock_changes(zone)))
    since, until = change - timedelta(days=2), change + timedelta(days=2)
    spans = list(calendar.spans(since, until, period))
    assert (spans[0].start, spans[-1].end) == (since, until)
    assert all(span.start < span.end for span in spans)
    assert [span.end for span in spans[:-1]] == [span.start for span in spans[1:]]
    assert len({span.label for span in spans}) == len(spans)
    days = [day.start for day in calendar.spans(since, until, Period.DAY)][1:]
    assert set(days) <= {span.start for span in spans}
    assert days == sorted(
        {calendar.day_of(since + number * QUARTER) for number in range(4 * 96)} - {calendar.day_of(since)}
    )


@pytest.mark.parametrize(
    ("shifts", "expected"),
    [
        (("02:30", "14:00"), ["02:30 01:30", "14:00 12:00"]),
        (("02:30", "03:15", "14:00"), ["03:15 01:15", "14:00 12:00"]),
        (("02:00", "03:00", "12:00"), ["03:00 01:00", "12:00 10:00"]),
        (("01:00", "02:15", "02:45"), ["01:00 00:00", "02:15 01:15", "02:45 01:45"]),
    ],
)
def test_shifts_of_the_night_in_which_the_clock_skips_an_hour(shifts: tuple[str, ...], expected: list[str]) -> None:
    calendar = PlantCalendar(ZoneInfo("Europe/Berlin"), read_shifts(shifts))
    spans = calendar.spans(at(28, 0, month=3), at(31, 0, month=3), Period.SHIFT)
    of_the_day = [span for span in spans if span.label.startswith("2026-03-29")]
    assert [f"{span.label[11:]} {span.start:%H:%M}" for span in of_the_day] == expected


def test_shift_in_the_hour_that_comes_twice_begins_the_first_time() -> None:
    calendar = PlantCalendar(ZoneInfo("Europe/Berlin"), read_shifts(["02:30", "14:00"]))
    spans = list(calendar.spans(at(25, 0, month=10), at(26, 0, month=10), Period.SHIFT))
    assert [span.start for span in spans[1:]] == [at(25, 0, 30, month=10), at(25, 13, month=10)]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Santiago"])
def test_days_before_are_days_of_the_plant(zone: str) -> None:
    calendar = PlantCalendar(ZoneInfo(zone), read_shifts(["06:00", "14:00", "22:00"]))
    for change in clock_changes(zone):
        begins = calendar.day_of(change + timedelta(days=3), back=6).astimezone(calendar.zone)
        assert (begins.hour, begins.minute) == (6, 0)


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
