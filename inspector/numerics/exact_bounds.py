"""Exact binomial bounds of a share (Clopper & Pearson 1934). Pure."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from scipy.special import bdtr, betaincinv  # scipy.stats takes seconds to import

CONFIDENCE: Final = 0.95  # of the two-sided interval, and of each one-sided bound


class MeasuredShare(NamedTuple):
    """`found` of `parts` parts, as a share with its exact 95 % interval. All None where there are no parts."""

    found: int
    parts: int
    value: float | None
    low: float | None
    high: float | None

    def as_json(self) -> dict[str, Any]:
        return self._asdict()


def measured_share(count: int, parts: int) -> MeasuredShare:
    """Return the share with its two-sided interval."""
    if parts == 0:
        return MeasuredShare(0, 0, None, None, None)
    tail = (1.0 - CONFIDENCE) / 2.0
    low = float(betaincinv(count, parts - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, parts - count, 1.0 - tail)) if count < parts else 1.0
    return MeasuredShare(count, parts, count / parts, low, high)


def upper_bound(count: int, parts: int, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided upper bound of a share; 1 where there are no parts."""
    return float(betaincinv(count + 1, parts - count, confidence)) if count < parts else 1.0


def parts_to_prove(count: int, parts: int, limit: float, confidence: float = CONFIDENCE) -> int:
    """Return how many more parts, none of them counted, would bring the upper bound of the share to the limit.

    0 where it is there already, or where the limit allows everything. Raises ValueError for a limit of 0, which no
    number of parts proves.
    """
    if limit <= 0.0:
        raise ValueError("no number of parts proves a share of 0")
    if limit >= 1.0:
        return 0
    low = max(parts, count)  # fewer parts than counted ones prove nothing
    high = low + 1
    while bdtr(count, high, limit) > 1.0 - confidence:
        low, high = high, 2 * high
    while low < high:
        middle = (low + high) // 2
        proved = bdtr(count, middle, limit) <= 1.0 - confidence
        low, high = (low, middle) if proved else (middle + 1, high)
    return low - parts
