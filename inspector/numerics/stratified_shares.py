"""Shares of a population of which known parts were drawn at random. Pure numbers.

Each stratum is a group of parts that were drawn with one probability. Its share of hits has an exact interval (Clopper
& Pearson 1934); the intervals of all strata hold together at the stated confidence (Bonferroni), and a ratio is bounded
by taking each stratum at its worse end. Weighting alone would not do: that nothing was found among a hundred parts
drawn from ten thousand says little about the other 9,900.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from scipy.special import betaincinv

from inspector.numerics.exact_bounds import CONFIDENCE


class Stratum(NamedTuple):
    """A group of `population` parts, of which `drawn` were examined and `hits` have the property that is counted."""

    population: float
    drawn: int
    hits: int

    @property
    def misses(self) -> Stratum:
        """The same group, counting the parts without the property."""
        return self._replace(hits=self.drawn - self.hits)


class EstimatedShare(NamedTuple):
    """A share with its interval. All None where nothing was drawn, or where nothing can be hit."""

    value: float | None
    low: float | None
    high: float | None


UNKNOWN_SHARE = EstimatedShare(None, None, None)


def ratio(inside: Sequence[Stratum], outside: Sequence[Stratum], confidence: float = CONFIDENCE) -> EstimatedShare:
    """Return which share of all hits is inside: hits inside / (hits inside + hits outside)."""
    strata = [each for each in (*inside, *outside) if each.population > 0]
    if not any(each.drawn for each in strata):
        return UNKNOWN_SHARE
    level = 1.0 - (1.0 - confidence) / max(len(strata), 1)
    in_low, in_high = _bounds(inside, level)
    out_low, out_high = _bounds(outside, level)
    value = _share(_hits(inside), _hits(outside)) if all(each.drawn for each in strata) else None
    return EstimatedShare(value, _share(in_low, out_high) or 0.0, 1.0 if out_low == 0.0 else _share(in_high, out_low))


def _share(inside: float, outside: float) -> float | None:
    return inside / (inside + outside) if inside + outside > 0.0 else None


def _hits(strata: Sequence[Stratum]) -> float:
    return sum(each.population * each.hits / each.drawn for each in strata if each.drawn)


def _bounds(strata: Sequence[Stratum], level: float) -> tuple[float, float]:
    """Return the least and the greatest number of hits in these strata together."""
    ends = [_interval(each, level) for each in strata]
    return sum(low for low, _ in ends), sum(high for _, high in ends)


def _interval(stratum: Stratum, level: float) -> tuple[float, float]:
    """Bound the hits of one stratum. Hits that were seen are hits, and a stratum that was examined whole is known."""
    population, drawn, hits = stratum
    if drawn >= population:
        return float(hits), float(hits)
    tail = (1.0 - level) / 2.0
    low = float(betaincinv(hits, drawn - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, drawn - hits, 1.0 - tail)) if hits < drawn else 1.0
    most = population - (drawn - hits)
    return max(population * low, float(hits)), min(population * high, most) if drawn else float(population)
