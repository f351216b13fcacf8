from __future__ import annotations

import pytest

from inspector.numerics.exact_bounds import measured_share, parts_to_prove, upper_bound


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


@pytest.mark.parametrize(
    ("missed", "limit", "needed"), [(0, 0.01, 299), (1, 0.01, 473), (2, 0.01, 628), (0, 0.05, 59), (2, 0.05, 124)]
)
def test_the_missing_parts_are_those_of_the_published_table(missed: int, limit: float, needed: int) -> None:
    assert parts_to_prove(missed, 0, limit) == needed
    assert parts_to_prove(missed, needed - 10, limit) == 10
    assert parts_to_prove(missed, needed + 5, limit) == 0


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
@pytest.mark.parametrize("missed", [0, 1, 7])
def test_the_bound_of_so_many_parts_reaches_the_limit_and_of_one_less_does_not(confidence: float, missed: int) -> None:
    needed = parts_to_prove(missed, 0, 0.03, confidence)
    assert upper_bound(missed, needed, confidence) <= 0.03 < upper_bound(missed, needed - 1, confidence)


def test_a_share_of_zero_is_never_proved_and_one_of_all_always() -> None:
    assert parts_to_prove(3, 3, 1.0) == 0
    with pytest.raises(ValueError, match="no number of parts"):
        parts_to_prove(0, 12, 0.0)
