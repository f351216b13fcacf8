"""Defect classes by frequency, with what they come to together. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import NamedTuple


class ParetoClass(NamedTuple):
    """A defect class: its parts, its share of all namings, and the share of it and all more frequent ones together."""

    defect: str
    parts: int
    share: float
    cumulative: float


def pareto(counts: Mapping[str, int]) -> list[ParetoClass]:
    """Sort classes by the number of parts, the most frequent first. A part with two classes counts in both."""
    ordered = sorted(
        ((name, parts) for name, parts in counts.items() if parts > 0), key=lambda each: (-each[1], each[0])
    )
    total = sum(parts for _, parts in ordered)
    sums = accumulate(parts for _, parts in ordered)
    return [
        ParetoClass(name, parts, parts / total, so_far / total)
        for (name, parts), so_far in zip(ordered, sums, strict=True)
    ]
