"""Whether a process's memory grows: a straight line through its resident memory over time, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import scipy.stats

BLOCKS: Final = 20  # neighbouring samples resemble each other; the means of blocks hardly do
MIB: Final = 2**20
MAX_GROWTH_SHARE: Final = 0.05
SETTLING_MIB: Final = 0.5  # growth over the whole run that a heap of constant content shows, however surely


class MemorySample(NamedTuple):
    at_s: float
    resident_bytes: int


class MemoryTrend(NamedTuple):
    """The line's slope with its two-sided 95 % interval, and its growth over the samples as a share of the memory."""

    resident_mib: float
    slope_mib_min: float
    lower_mib_min: float
    upper_mib_min: float
    growth_share: float

    @property
    def is_flat(self) -> bool:
        """Whether no growth beyond a heap's settling is proved, and the likeliest one is small."""
        is_proved = self.lower_mib_min > 0.0 and self.growth_share * self.resident_mib > SETTLING_MIB
        return not is_proved and self.growth_share < MAX_GROWTH_SHARE


def memory_trend(samples: Sequence[MemorySample]) -> MemoryTrend:
    """Return the trend of at least BLOCKS samples."""
    blocks = [block for block in np.array_split(np.array(samples, dtype=float), BLOCKS) if len(block)]
    minutes, mib = np.array([block.mean(axis=0) for block in blocks]).T * [[1 / 60], [1 / MIB]]
    line = scipy.stats.linregress(minutes, mib)
    half = line.stderr * scipy.stats.t.ppf(0.975, len(blocks) - 2)
    start, end = line.intercept + line.slope * minutes[0], line.intercept + line.slope * minutes[-1]
    growth = (end - start) / max(start, 1e-9)
    return MemoryTrend(
        float(mib.mean()), float(line.slope), float(line.slope - half), float(line.slope + half), float(growth)
    )
