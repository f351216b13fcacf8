"""The learned durations of rungs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inspector.judging.rung_timing import MAX_REFUSALS, REMEMBERED_DURATIONS, RungTimes


def test_rung_never_asked_gets_its_first_try() -> None:
    assert RungTimes().admits("rung", 1.0)


def test_no_time_left_fits_nothing() -> None:
    assert not RungTimes().admits("rung", 0.0)


@given(st.lists(st.floats(1.0, 10_000.0), min_size=1, max_size=200))
def test_p95_is_exceeded_by_at_most_five_in_a_hundred_of_what_is_remembered(durations: list[float]) -> None:
    pace = RungTimes()
    for ms in durations:
        pace.add("rung", ms)
    recent = durations[-REMEMBERED_DURATIONS:]
    assert sum(ms > pace.p95_ms("rung") for ms in recent) <= 0.05 * len(recent)


def test_pace_follows_a_change_of_load() -> None:
    pace = RungTimes()
    for ms in [1000.0] * REMEMBERED_DURATIONS + [10.0] * REMEMBERED_DURATIONS:
        pace.add("rung", ms)
    assert pace.admits("rung", 20.0)


def test_rungs_have_separate_durations() -> None:
    pace = RungTimes()
    pace.add(("pcb", 1), 500.0)
    assert pace.admits(("pcb", 0), 100.0)
    assert not pace.admits(("pcb", 1), 100.0)


def test_rung_that_was_slow_once_is_tried_again_and_learned_anew() -> None:
    pace = RungTimes()
    for _ in range(REMEMBERED_DURATIONS):
        pace.add("rung", 1000.0)
    refused = [pace.admits("rung", 100.0) for _ in range(MAX_REFUSALS)]
    assert refused == [False] * (MAX_REFUSALS - 1) + [True]
    pace.add("rung", 20.0)
    assert pace.admits("rung", 100.0)


def test_rung_that_stays_too_slow_is_seldom_tried() -> None:
    pace, tries = RungTimes(), 0
    for _ in range(10 * MAX_REFUSALS):
        if pace.admits("rung", 100.0):
            tries += 1
            pace.add("rung", 1000.0)
    assert tries <= 11
