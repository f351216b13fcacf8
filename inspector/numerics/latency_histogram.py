"""Latencies counted by buckets of fixed edges, so that sums over any time give quantiles without the parts. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

# Upper edges in milliseconds: ten per decade from 10 ms to 100 s (the R10 series of preferred numbers).
PREFERRED_NUMBERS: Final = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)
BUCKET_EDGES_MS: Final = (*(10.0**decade * each for decade in range(1, 5) for each in PREFERRED_NUMBERS), 100_000.0)
BUCKETS: Final = len(BUCKET_EDGES_MS) + 1  # the last one has no upper edge


def bucket_of(latency_ms: float) -> int:
    """Return the number of the bucket that this latency belongs to."""
    return bisect_left(BUCKET_EDGES_MS, latency_ms)


def quantile_ms(counts: Sequence[int], share: float) -> float | None:
    """Return the latency that this share of the counted parts does not exceed; None without parts.

    Inside a bucket the parts are taken as spread evenly on a logarithmic scale. The result is off by at most the width
    of a bucket, a quarter of its value. Above the last edge the result is that edge.
    """
    total = sum(counts)
    if total == 0:
        return None
    rank, before = math.ceil(share * total), 0
    for bucket, count in enumerate(counts):
        if before + count >= rank:
            return _inside(bucket, (rank - before - 0.5) / count)
        before += count
    return BUCKET_EDGES_MS[-1]


def _inside(bucket: int, share: float) -> float:
    if bucket >= len(BUCKET_EDGES_MS):
        return BUCKET_EDGES_MS[-1]
    upper = BUCKET_EDGES_MS[bucket]
    if bucket == 0:
        return upper * share
    lower = BUCKET_EDGES_MS[bucket - 1]
    return float(lower * (upper / lower) ** share)
