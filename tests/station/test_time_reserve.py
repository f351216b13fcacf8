"""What of a deadline is kept for storing and publishing."""

from __future__ import annotations

import pytest

from inspector.station.time_reserve import MIN_REMEMBERED, REMEMBERED_S, RecentDurations, TimeReserve


def test_longest_way_counts_until_it_is_forgotten() -> None:
    durations = RecentDurations()
    assert durations.longest_s(0.0) == 0.0
    durations.add(0.0, 0.4)
    for number in range(MIN_REMEMBERED):
        durations.add(1.0 + number, 1.1 + number)
    assert durations.longest_s(0.4 + REMEMBERED_S) == pytest.approx(0.4)
    assert durations.longest_s(0.5 + REMEMBERED_S) == pytest.approx(0.1)


def test_last_ways_are_remembered_over_a_silence() -> None:
    durations = RecentDurations()
    durations.add(0.0, 0.4)
    assert durations.longest_s(1e6) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("storing_s", "publishing_s", "kept_ms"),
    [(0.0, 0.0, 45.0), (0.010, 0.015, 45.0), (0.080, 0.120, 200.0), (3.0, 0.1, 500.0)],
)
def test_as_much_is_kept_as_the_way_home_took_lately(storing_s: float, publishing_s: float, kept_ms: float) -> None:
    reserve = TimeReserve(60.0)
    reserve.storing.add(0.0, storing_s)
    reserve.publishing.add(0.0, publishing_s)
    assert reserve.reserved_ms(1500.0, 3.0) == pytest.approx(kept_ms)


@pytest.mark.parametrize(("deadline_ms", "kept_ms"), [(200.0, 30.0), (5_000.0, 150.0), (60_000.0, 250.0)])
def test_a_long_deadline_keeps_more(deadline_ms: float, kept_ms: float) -> None:
    assert TimeReserve(60.0).reserved_ms(deadline_ms, 0.0) == pytest.approx(kept_ms)


@pytest.mark.parametrize(("publishing_s", "kept_ms"), [(0.0, 50.0), (0.3, 300.0), (3.0, 500.0)])
def test_answer_before_the_commit_leaves_the_time_that_publishing_took_lately(
    publishing_s: float, kept_ms: float
) -> None:
    reserve = TimeReserve(60.0)
    reserve.storing.add(0.0, 0.2)
    reserve.publishing.add(0.0, publishing_s)
    assert reserve.publishing_ms(1500.0, 3.0) == pytest.approx(kept_ms)
