"""Whether a share has left the band around an earlier one, however often that is asked. Pure."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from scipy.special import betaln, xlog1py, xlogy

from inspector.numerics.exact_bounds import measured_share

FALSE_ALARMS: Final = 0.01  # greatest chance that a share which stays in the band ever seems to have left it


class ShareBand(NamedTuple):
    """The shares between which a later one is no change."""

    low: float
    high: float

    def is_left_by(self, count: int, parts: int) -> bool:
        """Return whether the share behind `count` of `parts` parts lies outside, at any time of asking.

        The ratio of a share's posterior density to its uniform prior bounds it at all times at once (Waudby-Smith and
        Ramdas 2020): asked after each part, it is wrong no more often than FALSE_ALARMS.
        """
        if parts == 0 or self.low <= count / parts <= self.high:
            return False
        nearest = self.low if count / parts < self.low else self.high
        return _posterior_density(nearest, count, parts) < FALSE_ALARMS


def _posterior_density(share: float, count: int, parts: int) -> float:
    """Return the density of a share after `count` of `parts` parts, from a uniform prior."""
    missed = parts - count
    return math.exp(xlogy(count, share) + xlog1py(missed, -share) - betaln(count + 1, missed + 1))


def band_around(count: int, parts: int, tolerance: float) -> ShareBand:
    """Return the exact interval of a measured share, wider by the tolerance on both sides."""
    measured = measured_share(count, parts)
    if measured.low is None or measured.high is None:
        return ShareBand(0.0, 1.0)
    return ShareBand(max(0.0, measured.low - tolerance), min(1.0, measured.high + tolerance))
