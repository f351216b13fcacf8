"""How many parts must be judged at once, so that few of them miss their deadline. Pure.

Parts of many cameras arrive as at random (Poisson); periodic cameras wait less, so the answer is on the safe side. Each
server judges one part. Waiting follows the approximation of Allen and Cunneen for the queue M/G/c: the probability of
waiting at all is Erlang's C, and a wait is exponential with its mean scaled by the variation of the times.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist, fmean, pvariance
from typing import Final, Self

MAX_BUSY: Final = 0.9  # share of the time that servers may be busy: beyond it small changes cost much waiting
MAX_SERVERS: Final = 100_000
DRAWN_TIMES: Final = 400  # points that stand for a distribution that is given by two figures
P95: Final = NormalDist().inv_cdf(0.95)


@dataclass(frozen=True)
class ServiceTimes:
    """Times that single parts take, in ms, without waiting for others."""

    samples_ms: Sequence[float]

    def __post_init__(self) -> None:
        if not self.samples_ms or not all(math.isfinite(each) and each > 0.0 for each in self.samples_ms):
            raise ValueError("times must be finite and above 0 ms")

    @classmethod
    def of_mean_and_p95(cls, mean_ms: float, p95_ms: float) -> Self:
        """Return log-normal times of this mean and 95th percentile. Raises ValueError for an impossible pair."""
        spread = P95**2 - 2.0 * math.log(p95_ms / mean_ms)
        if p95_ms < mean_ms or spread < 0.0:
            raise ValueError(f"no distribution of times has the mean {mean_ms:g} ms and the p95 {p95_ms:g} ms")
        sigma = P95 - math.sqrt(spread)
        normal = NormalDist(math.log(mean_ms) - sigma**2 / 2.0, sigma or 1e-9)
        return cls([math.exp(normal.inv_cdf((rank + 0.5) / DRAWN_TIMES)) for rank in range(DRAWN_TIMES)])

    @cached_property
    def mean_ms(self) -> float:
        return fmean(self.samples_ms)

    @cached_property
    def variation(self) -> float:
        """Squared coefficient of variation: 0 for equal times, 1 for exponential ones."""
        return pvariance(self.samples_ms) / self.mean_ms**2

    def share_above(self, limit_ms: float) -> float:
        return fmean(each > limit_ms for each in self.samples_ms)


@dataclass(frozen=True, slots=True)
class Demand:
    """Parts a second of all lines, the time that each has, and the share that may run out of it."""

    parts_per_s: float
    deadline_ms: float
    late_share: float


@dataclass(frozen=True, slots=True)
class Capacity:
    """Servers that a demand needs; what they then come to."""

    servers: int
    busy: float
    waiting_share: float
    late_share: float


def needed_capacity(demand: Demand, times: ServiceTimes) -> Capacity | None:
    """Return the fewest servers that keep the promise; None where parts alone take too long for any number."""
    if times.share_above(demand.deadline_ms) > demand.late_share:
        return None
    low = max(1, math.ceil(_load(demand, times) / MAX_BUSY))
    return next(
        (
            capacity
            for servers in range(low, MAX_SERVERS)
            if (capacity := capacity_of(servers, demand, times)).late_share <= demand.late_share
        ),
        None,
    )


def capacity_of(servers: int, demand: Demand, times: ServiceTimes) -> Capacity:
    """Return what so many servers come to. All parts are late where they can't keep up."""
    load = _load(demand, times)
    if load >= servers:
        return Capacity(servers, 1.0, 1.0, 1.0)
    waiting = erlang_c(servers, load)
    mean_wait_ms = times.mean_ms / (servers - load) * (1.0 + times.variation) / 2.0
    late = fmean(_late(demand.deadline_ms - each, waiting, mean_wait_ms) for each in times.samples_ms)
    return Capacity(servers, load / servers, waiting, late)


def erlang_c(servers: int, load: float) -> float:
    """Return the probability of waiting: `load` is the mean number of busy servers."""
    blocking = 1.0
    for count in range(1, servers + 1):
        blocking = load * blocking / (count + load * blocking)
    return blocking / (1.0 - load / servers * (1.0 - blocking))


def _load(demand: Demand, times: ServiceTimes) -> float:
    return demand.parts_per_s * times.mean_ms / 1000.0


def _late(left_ms: float, waiting: float, mean_wait_ms: float) -> float:
    """Return the probability that a part waits longer than it has left."""
    return 1.0 if left_ms < 0.0 else waiting * math.exp(-left_ms / mean_wait_ms)
