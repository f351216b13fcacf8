from __future__ import annotations

import pytest

from inspector.numerics.exact_bounds import measured_share, upper_bound


@pytest.mark.parametrize(("missed", "parts", "bound"), [(0, 299, 0.01), (1, 473, 0.01), (0, 59, 0.05), (2, 124, 0.05)])
def test_so_many_parts_certify_a_miss_share(missed: int, parts: int, bound: float) -> None:
    assert upper_bound(missed, parts) <= bound < upper_bound(missed, parts - 2)


def test_no_parts_certify_nothing() -> None:
    assert upper_bound(0, 0) == 1.0
    assert measured_share(0, 0).value is None


def test_interval_contains_the_share_and_ends_at_the_edges() -> None:
    none, some, every = (measured_share(count, 20) for count in (0, 7, 20))
    assert none.low == 0.0
    assert every.high == 1.0
    assert some.low is not None
    assert some.high is not None
    assert some.low < 0.35 < some.high
