"""Whether a quantity grows: a straight line through its samples over time, with the interval of its slope. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import scipy.stats

BLOCKS: Final = 20  # neighbouring samples resemble each other; the means of blocks hardly do
MIN_SAMPLES: Final = 4  # a line through fewer has no interval worth its name
MAX_GROWTH_SHARE: Final = 0.05


class TimedSample(NamedTuple):
    at_s: float
    value: float


class Trend(NamedTuple):
    """The line through the samples: mean, slope a minute with its two-sided 95 % interval, growth from start to end."""

    mean: float
    slope_per_min: float
    lower_per_min: float
    upper_per_min: float
    growth: float
    growth_share: float

    def is_flat(self, settling: float) -> bool:
        """Return whether no growth beyond `settling` is proved, and the likeliest one is small.

        `settling` is a growth over the whole run that constant content shows, however surely.
        """
        is_proved = self.lower_per_min > 0.0 and self.growth > settling
        return not is_proved and self.is_small(settling)

    def is_small(self, settling: float) -> bool:
        """Return whether the likeliest growth is below MAX_GROWTH_SHARE, or no more than settling."""
        return self.growth_share < MAX_GROWTH_SHARE or self.growth <= settling


def trend_of(samples: Sequence[TimedSample]) -> Trend | None:
    """Return the trend of the samples; None where there are fewer than MIN_SAMPLES."""
    if len(samples) < MIN_SAMPLES:
        return None
    blocks = np.array_split(np.array(samples, dtype=float), min(BLOCKS, len(samples)))
    seconds, values = np.array([block.mean(axis=0) for block in blocks]).T
    if np.ptp(values) == 0.0:  # no line fits better than this one, and its interval is a point
        return Trend(float(values[0]), 0.0, 0.0, 0.0, 0.0, 0.0)
    line = scipy.stats.linregress(seconds / 60.0, values)
    half = line.stderr * scipy.stats.t.ppf(0.975, len(blocks) - 2)
    start, slope = line.intercept + line.slope * seconds[0] / 60.0, float(line.slope)
    growth = slope * (seconds[-1] - seconds[0]) / 60.0
    share = growth / max(abs(start), 1e-9)
    return Trend(float(values.mean()), slope, float(slope - half), float(slope + half), float(growth), float(share))
