"""Times in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def utc_now() -> datetime:
    """Return the current time as an aware UTC datetime."""
    return datetime.now(UTC)


def span_start(at: datetime, span: timedelta) -> datetime:
    """Return the start of the span of time, counted from midnight in UTC, that holds this moment."""
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (at - midnight) // span * span


def later(at: datetime, by: timedelta) -> datetime:
    """Return the time that much after; the first or the last time that there is, where it would lie beyond."""
    try:
        return at + by
    except OverflowError:
        return (datetime.min if by < timedelta(0) else datetime.max).replace(tzinfo=UTC)


def earlier(at: datetime, by: timedelta) -> datetime:
    """Return the time that much before, as `later` does."""
    return later(at, -by)


def in_utc(at: datetime) -> datetime:
    """Return the time in UTC; the first or the last time that there is, where its zone leads beyond."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return (datetime.min if at.year == datetime.min.year else datetime.max).replace(tzinfo=UTC)
