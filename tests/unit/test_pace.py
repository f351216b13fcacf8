"""What a rung takes, learned."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inspector.pace import MEMORY, Pace


def test_rung_never_asked_gets_its_first_try() -> None:
    assert Pace().fits("rung", 1.0)


def test_no_time_left_fits_nothing() -> None:
    assert not Pace().fits("rung", 0.0)


@given(st.lists(st.floats(1.0, 10_000.0), min_size=1, max_size=200))
def test_p95_is_exceeded_by_at_most_five_in_a_hundred_of_what_is_remembered(durations: list[float]) -> None:
    pace = Pace()
    for ms in durations:
        pace.add("rung", ms)
    recent = durations[-MEMORY:]
    assert sum(ms > pace.p95_ms("rung") for ms in recent) <= 0.05 * len(recent)


def test_pace_follows_a_change_of_load() -> None:
    pace = Pace()
    for ms in [1000.0] * MEMORY + [10.0] * MEMORY:
        pace.add("rung", ms)
    assert pace.fits("rung", 20.0)


def test_rungs_are_told_apart() -> None:
    pace = Pace()
    pace.add(("pcb", 1), 500.0)
    assert pace.fits(("pcb", 0), 100.0)
    assert not pace.fits(("pcb", 1), 100.0)
