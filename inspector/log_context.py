"""Which part the running code works on: carried along by asyncio into tasks and worker threads, for whoever logs."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, replace

from inspector.domain.frame import FrameKey


@dataclass(frozen=True, slots=True)
class PartContext:
    """`result_id` is None until the part has a record."""

    key: FrameKey
    result_id: str | None = None


_part: ContextVar[PartContext | None] = ContextVar("part_in_hand", default=None)


def current_part() -> PartContext | None:
    return _part.get()


def set_current_part(key: FrameKey) -> None:
    """From now on this task works on that part; every frame has a task of its own."""
    _part.set(PartContext(key))


def set_current_result(result_id: str) -> None:
    """The part in hand has this record; nothing where there is none in hand."""
    part = _part.get()
    if part is not None:
        _part.set(replace(part, result_id=result_id))
