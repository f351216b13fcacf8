"""Quantiles from buckets stay within a bucket of the true ones."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.numerics.latency_histogram import BUCKET_EDGES_MS, BUCKETS, bucket_of, quantile_ms

latencies = st.floats(min_value=0.1, max_value=90_000.0)


def counts_of(values: list[float]) -> list[int]:
    counts = [0] * BUCKETS
    for value in values:
        counts[bucket_of(value)] += 1
    return counts


@given(st.lists(latencies, min_size=1), st.floats(min_value=0.01, max_value=1.0))
def test_quantile_lies_in_the_bucket_of_the_true_one(values: list[float], share: float) -> None:
    true = sorted(values)[math.ceil(share * len(values)) - 1]
    answer = quantile_ms(counts_of(values), share)
    assert answer is not None
    assert bucket_of(answer) == bucket_of(true)


@pytest.mark.parametrize("edge", BUCKET_EDGES_MS)
def test_edge_belongs_to_the_bucket_below_it(edge: float) -> None:
    assert bucket_of(edge) + 1 == bucket_of(math.nextafter(edge, math.inf))


def test_nothing_has_no_quantile() -> None:
    assert quantile_ms([0] * BUCKETS, 0.5) is None


def test_latency_beyond_the_last_edge_is_that_edge() -> None:
    assert quantile_ms(counts_of([1e9]), 0.99) == BUCKET_EDGES_MS[-1]
