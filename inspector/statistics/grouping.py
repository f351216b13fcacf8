"""Sums by quarter of an hour, put together by hour, shift or day. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from inspector.statistics.calendar import PlantTime

Item = TypeVar("Item")


def by_span(
    items: Iterable[Item], spans: Sequence[PlantTime], time_of: Callable[[Item], datetime]
) -> list[tuple[PlantTime, list[Item]]]:
    """Return each span with the items whose time it holds. Spans are in order and do not overlap."""
    starts, groups = [span.start for span in spans], [list[Item]() for _ in spans]
    for item in items:
        at = bisect_right(starts, time_of(item)) - 1
        if at >= 0 and time_of(item) < spans[at].end:
            groups[at].append(item)
    return list(zip(spans, groups, strict=True))
