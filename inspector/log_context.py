"""The part that the running code works on. asyncio carries it into tasks and worker threads, for log records."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, replace

from inspector.domain.frame import FrameKey


@dataclass(frozen=True, slots=True)
class PartContext:
    """The part in progress. `result_id` is None until the part has a record."""

    key: FrameKey
    result_id: str | None = None
    traceparent: str | None = None


_part: ContextVar[PartContext | None] = ContextVar("part_in_hand", default=None)


def current_part() -> PartContext | None:
    """Return the part of the running task, or None."""
    return _part.get()


def set_current_part(key: FrameKey, traceparent: str | None = None) -> None:
    """Set the part that this task works on. Every frame has its own task."""
    _part.set(PartContext(key, traceparent=traceparent))


def set_current_result(result_id: str) -> None:
    """Add the record's id to the current part; without one, do nothing."""
    part = _part.get()
    if part is not None:
        _part.set(replace(part, result_id=result_id))
