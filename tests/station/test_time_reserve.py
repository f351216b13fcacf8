"""What of a deadline is kept for storing and publishing."""

from __future__ import annotations

import pytest

from inspector.station.time_reserve import LEAST, MEMORY_S, WayHome, Ways


def test_longest_way_counts_until_it_is_forgotten() -> None:
    ways = Ways()
    assert ways.longest_s(0.0) == 0.0
    ways.add(0.0, 0.4)
    for number in range(LEAST):
        ways.add(1.0 + number, 1.1 + number)
    assert ways.longest_s(0.4 + MEMORY_S) == pytest.approx(0.4)
    assert ways.longest_s(0.5 + MEMORY_S) == pytest.approx(0.1)


def test_last_ways_are_remembered_over_a_silence() -> None:
    ways = Ways()
    ways.add(0.0, 0.4)
    assert ways.longest_s(1e6) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("storing_s", "publishing_s", "kept_ms"),
    [(0.0, 0.0, 30.0), (0.010, 0.015, 30.0), (0.080, 0.120, 200.0), (3.0, 0.1, 500.0)],
)
def test_as_much_is_kept_as_the_way_home_took_lately(storing_s: float, publishing_s: float, kept_ms: float) -> None:
    way_home = WayHome(60.0)
    way_home.storing.add(0.0, storing_s)
    way_home.publishing.add(0.0, publishing_s)
    assert way_home.margin_ms(1500.0, 3.0) == pytest.approx(kept_ms)
