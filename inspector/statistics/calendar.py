"""The plant's calendar: days and shifts in its time zone. A day begins with its first shift. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import accumulate, pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from inspector.ports.archive import QUARTER
from inspector.utc import span_start

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
NO_SHIFTS: Final = (time(0, 0),)


class Period(StrEnum):
    """By what statistics are grouped."""

    HOUR = "hour"
    SHIFT = "shift"
    DAY = "day"


class PlantTime(NamedTuple):
    """A time from `start` until before `end`. `label` names it in the plant's time, as people say it."""

    start: datetime
    end: datetime
    label: str


@dataclass(frozen=True, slots=True)
class PlantCalendar:
    """The plant's time zone, and the times at which its shifts begin, in order."""

    zone: ZoneInfo
    shifts: tuple[time, ...] = NO_SHIFTS

    def day_of(self, at: datetime, back: int = 0) -> datetime:
        """Return the beginning of the production day that holds this moment, or of a day so many days before it."""
        day = at.astimezone(self.zone).date() + DAY  # clocks that go back over midnight show the date before again
        while self._begins(day)[0] > at:
            day -= DAY
        return self._begins(day - back * DAY)[0]

    def spans(self, since: datetime, until: datetime, period: Period) -> Iterator[PlantTime]:
        """Yield the hours, shifts or days that meet this time, cut to it, in order."""
        for start, end, label in self._whole(since, until, period):
            if start < until and end > since:
                yield PlantTime(max(start, since), min(end, until), label)

    def _whole(self, since: datetime, until: datetime, period: Period) -> Iterator[PlantTime]:
        if period is Period.HOUR:
            yield from self._hours(since, until)
            return
        for (start, label), (end, _) in pairwise(self._starts(since, until, period)):
            if start < end:
                yield PlantTime(start, end, label)

    def _hours(self, since: datetime, until: datetime) -> Iterator[PlantTime]:
        local = since.astimezone(self.zone)
        start = (local - timedelta(minutes=local.minute, seconds=local.second)).replace(microsecond=0).astimezone(UTC)
        while start < until:
            yield PlantTime(start, start + HOUR, f"{start.astimezone(self.zone):%Y-%m-%d %H:%M}")
            start += HOUR

    def _starts(self, since: datetime, until: datetime, period: Period) -> Iterator[tuple[datetime, str]]:
        """Yield the beginnings of days or shifts, with their names, from two days before this time to two after it."""
        day, last = since.astimezone(self.zone).date() - 2 * DAY, until.astimezone(self.zone).date() + 2 * DAY
        while day <= last:
            begins = self._begins(day)
            if period is Period.DAY:
                yield begins[0], f"{day}"
            else:
                yield from ((at, f"{day} {begin:%H:%M}") for at, begin in zip(begins, self.shifts, strict=True))
            day += DAY

    def _begins(self, day: date) -> list[datetime]:
        """Return when the shifts of a production day begin, in order; two at once leave the earlier one empty.

        Where the clock skips 02:00 to 03:00, a shift of 02:30 begins at 03:30, unless the next one begins before that.
        """
        shown = [(day, begin) for begin in self.shifts] + [(day + DAY, self.shifts[0])]
        starts = [datetime.combine(*each, self.zone).astimezone(UTC) for each in shown]
        return list(accumulate(reversed(starts), min))[:0:-1]


def read_zone(name: str) -> ZoneInfo:
    """Return the time zone of this name. Raises ValueError, with the remedy."""
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        remedy = "use a name such as Europe/Berlin, Asia/Seoul or UTC"
        raise ValueError(f"{name!r} is no time zone; {remedy}") from None


def read_shifts(written: Sequence[str]) -> tuple[time, ...]:
    """Return the times at which shifts begin. Raises ValueError, with the remedy."""
    starts = tuple(_shift_start(each) for each in written)
    if any(earlier >= later for earlier, later in pairwise(starts)):
        raise ValueError(f"{', '.join(written)} are not in order; begin with the shift that begins the day")
    return starts or NO_SHIFTS


def _shift_start(written: str) -> time:
    try:
        start = time.fromisoformat(written)
    except ValueError:
        raise ValueError(f"{written!r} is no time of day; write it as 06:00") from None
    if start.tzinfo or (start.hour * HOUR + start.minute * timedelta(minutes=1)) % QUARTER or start.second:
        raise ValueError(f"{written!r} begins no quarter of an hour, by which parts are counted; use 06:00 or 06:15")
    return start


def whole_quarters(since: datetime, until: datetime) -> tuple[datetime, datetime]:
    """Widen a time to whole quarters of an hour, by which parts are counted."""
    end = span_start(until, QUARTER)
    return span_start(since, QUARTER), end if end == until else end + QUARTER
