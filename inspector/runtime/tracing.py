"""Spans of the part in progress: what a trace shows between a frame and its verdict. Knows no library.

Without a tracer a span is one shared object that does nothing. A tracer must not wait for anything, and raises nothing.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from contextvars import ContextVar
from types import TracebackType
from typing import Final, Protocol

Attribute = str | int | float | bool


class TraceSpan(Protocol):
    """One step of a part. `traceparent` names it in W3C form; None where nothing is traced."""

    traceparent: str | None

    def note(self, **attributes: Attribute | None) -> None:
        """Add what is known by now. None is left out."""


class StartedSpan(TraceSpan, Protocol):
    """A span that a tracer has begun."""

    def end(self, error: BaseException | None) -> None:
        """End the span now, with what it failed for."""


class Tracer(Protocol):
    """Begins spans."""

    def start(self, name: str, parent: str | None, attributes: dict[str, Attribute | None]) -> StartedSpan:
        """Begin a span below `parent`, a traceparent; None begins a trace."""


class NoSpan:
    """A span of a process without a tracer."""

    traceparent: str | None = None

    def __enter__(self) -> TraceSpan:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End nothing."""

    def note(self, **attributes: Attribute | None) -> None:
        """Keep nothing."""


NO_SPAN: Final = NoSpan()
_current: ContextVar[TraceSpan] = ContextVar("span_in_progress", default=NO_SPAN)
_tracer: Tracer | None = None


class _CurrentSpan:
    """A span for the length of a block; spans inside the block, and in tasks begun there, lie below it."""

    def __init__(self, tracer: Tracer, name: str, parent: str | None, attributes: dict[str, Attribute | None]) -> None:
        self._outer = _current.get()
        self._span = tracer.start(name, parent or self._outer.traceparent, attributes)

    def __enter__(self) -> TraceSpan:
        _current.set(self._span)
        return self._span

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _current.set(self._outer)  # no token: a generator may go on in another context
        self._span.end(error)


def install_tracer(tracer: Tracer | None) -> None:
    """Let this process trace with it; None ends that."""
    global _tracer
    _tracer = tracer


def span(name: str, parent: str | None = None, **attributes: Attribute | None) -> AbstractContextManager[TraceSpan]:
    """Trace the block as one step, below `parent` or below the step in progress."""
    return NO_SPAN if _tracer is None else _CurrentSpan(_tracer, name, parent, attributes)


def current_span() -> TraceSpan:
    """Return the step in progress."""
    return _current.get()
