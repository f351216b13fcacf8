"""Callbacks by which a long operation reports its progress."""

from __future__ import annotations

from collections.abc import Callable

Notify = Callable[[str], None]  # a line of text for the user
ReportProgress = Callable[[str, int, int], None]  # stage, units done, units in all


def no_progress(_stage: str, _done: int, _total: int) -> None:
    """Report nothing."""
