"""Spans of consecutive numbers, and how they are combined. Each operation takes time by spans, never by numbers."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """Consecutive numbers, first to last."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1


def total(spans: Iterable[Span]) -> int:
    """Return how many numbers the spans hold."""
    return sum(span.length for span in spans)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the same numbers as spans in ascending order, of which no two touch."""
    result: list[Span] = []
    for span in sorted(spans):
        if result and span.first <= result[-1].last + 1:
            result[-1] = Span(result[-1].first, max(result[-1].last, span.last))
        else:
            result.append(span)
    return result


def without(spans: Sequence[Span], removed: Sequence[Span]) -> list[Span]:
    """Remove numbers from spans. Both are in ascending order, and no two spans of one overlap."""
    rest: list[Span] = []
    at = 0
    for first, last in spans:
        while at < len(removed) and removed[at].last < first:
            at += 1
        rest += _cut(first, last, removed, at)
    return rest


def absent(span: Span, present: Sequence[int]) -> list[Span]:
    """Return the numbers of a span that are not among `present`, which ascends."""
    inside = present[bisect_left(present, span.first) : bisect_left(present, span.last + 1)]
    return without([span], [Span(number, number) for number in inside])


def _cut(first: int, last: int, removed: Sequence[Span], at: int) -> Iterator[Span]:
    while at < len(removed) and removed[at].first <= last:
        if first < removed[at].first:
            yield Span(first, removed[at].first - 1)
        first = max(first, removed[at].last + 1)
        at += 1
    if first <= last:
        yield Span(first, last)
