"""The current time in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def utc_now() -> datetime:
    """Return the current time as an aware UTC datetime."""
    return datetime.now(UTC)


def span_start(at: datetime, span: timedelta) -> datetime:
    """Return the start of the span of time, counted from midnight in UTC, that holds this moment."""
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (at - midnight) // span * span
