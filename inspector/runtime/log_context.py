"""The part that the running code works on, and when its answer is due. asyncio carries both into tasks and threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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


_due_s: ContextVar[float | None] = ContextVar("answer_due_s", default=None)


def answer_due_s() -> float | None:
    """Return when the running task needs its answer, on the event loop's clock; None where nothing waits for it."""
    return _due_s.get()


@contextmanager
def answer_due(at_s: float) -> Iterator[None]:
    """Set when this task and those that it starts need their answer, for the length of the block."""
    token = _due_s.set(at_s)
    try:
        yield
    finally:
        _due_s.reset(token)


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
