"""By when a part is due, whatever the camera's clock or ours says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inspector.domain.frame import Frame, FrameKey
from inspector.station.deadlines import MAX_TRANSIT_S, MIN_SAMPLES, SAMPLE_INTERVAL_S, CameraClock, Deadlines

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DUE_MS = 1500.0


def a_frame(at_s: float, age_s: float | None, *, set_by_s: float = 0.0, redelivered: bool = False) -> Frame:
    """Received `at_s` after noon, `age_s` after its capture as the camera's clock has it; our own clock was set."""
    true_time = NOON + timedelta(seconds=at_s)
    captured_at = None if age_s is None else true_time - timedelta(seconds=age_s)
    key = FrameKey("pcb", "cam1", f"t-{at_s}")
    received_at = true_time + timedelta(seconds=set_by_s)
    return Frame(key, b"", received_at, captured_at=captured_at, received_s=at_s, redelivered=redelivered)


def left_ms(deadlines: Deadlines, frame: Frame) -> float:
    """What is left of the deadline at receipt."""
    deadlines.add(frame)
    return deadlines.deadline(frame, DUE_MS).left_ms(frame.received_s)


def clocks_after(*frames: Frame) -> Deadlines:
    deadlines = Deadlines(NOON, 0.0)
    for frame in frames:
        deadlines.add(frame)
    return deadlines


def test_deadline_counts_from_capture() -> None:
    assert left_ms(Deadlines(NOON, 0.0), a_frame(1.0, 0.25)) == pytest.approx(1250.0)


def test_deadline_counts_from_receipt_where_capture_is_unknown() -> None:
    assert left_ms(Deadlines(NOON, 0.0), a_frame(1.0, None)) == pytest.approx(1500.0)


def test_camera_whose_clock_is_ahead_gets_no_longer_deadline() -> None:
    assert left_ms(Deadlines(NOON, 0.0), a_frame(1.0, -3600.0)) == pytest.approx(1500.0)


def test_camera_without_a_set_clock_is_known_at_its_first_frame() -> None:
    assert left_ms(Deadlines(NOON, 0.0), a_frame(1.0, 20 * 365 * 86_400.0)) == pytest.approx(1500.0)


def test_clock_that_is_behind_is_learned_and_told_with_its_seconds() -> None:
    deadlines = Deadlines(NOON, 0.0)
    told = [
        notice
        for second in range(2 * MIN_SAMPLES)
        for notice in deadlines.add(a_frame(second * SAMPLE_INTERVAL_S, 90.0))
    ]
    assert [(notice.kind, "90.0 s behind" in notice.text) for notice in told] == [("CLOCK_SKEW", True)]
    assert left_ms(deadlines, a_frame(20.0, 90.0)) == pytest.approx(1500.0)


def test_frame_that_waited_is_late_though_its_cameras_clock_is_off() -> None:
    deadlines = clocks_after(*(a_frame(second, 90.0) for second in range(MIN_SAMPLES)))
    assert left_ms(deadlines, a_frame(20.0, 95.0)) == pytest.approx(1500.0 - 5000.0)


def test_clock_that_is_set_right_is_told_too() -> None:
    deadlines = clocks_after(a_frame(0.0, -90.0))
    told = [notice.text for second in range(1, 20) for notice in deadlines.add(a_frame(float(second), 0.01))]
    assert len(told) == 1
    assert "agrees" in told[0]


@pytest.mark.parametrize("stamped", [1, 30])
def test_frame_that_waited_is_late_once_a_clock_of_1970_is_set(stamped: int) -> None:
    of_1970 = (NOON - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    deadlines = clocks_after(*(a_frame(float(second), of_1970) for second in range(stamped)))
    for second in range(MIN_SAMPLES):
        left = left_ms(deadlines, a_frame(float(stamped + second), 10.0 + second / 4.0))
        assert left == pytest.approx(1500.0 - 10_000.0 - second * 250.0)


def test_backlog_after_a_cut_is_no_clock() -> None:
    """A minute of frames comes at twice the speed they were taken at: the first ones are a minute old."""
    deadlines = Deadlines(NOON, 0.0)
    for tenth in range(1200):
        frame = a_frame(60.0 + tenth / 10.0, 60.0 - tenth / 20.0)
        left = left_ms(deadlines, frame)
        assert left == pytest.approx(1500.0 - (60.0 - tenth / 20.0) * 1000.0)


def test_backlog_that_comes_all_at_once_is_no_clock() -> None:
    deadlines = Deadlines(NOON, 0.0)
    lefts = [left_ms(deadlines, a_frame(60.0 + number / 1000.0, 30.0)) for number in range(500)]
    assert max(lefts) < 0.0


def test_redelivered_frames_teach_nothing() -> None:
    deadlines = clocks_after(*(a_frame(float(second), 90.0, redelivered=True) for second in range(3 * MIN_SAMPLES)))
    assert left_ms(deadlines, a_frame(60.0, 90.0)) < 0.0


@given(st.floats(-1e8, 1e8), st.floats(0.0, 5.0))
def test_setting_our_own_clock_moves_no_deadline(set_by_s: float, age_s: float) -> None:
    before, after = a_frame(10.0, age_s), a_frame(11.0, age_s, set_by_s=set_by_s)
    deadlines = clocks_after(before)
    assert left_ms(deadlines, after) == pytest.approx(left_ms(deadlines, before), abs=0.1)


def test_setting_our_own_clock_is_told_once() -> None:
    deadlines = Deadlines(NOON, 0.0)
    told = [notice for second in range(5) for notice in deadlines.add(a_frame(float(second), 0.0, set_by_s=-30.0))]
    assert [(notice.kind, "-30.0 s" in notice.text) for notice in told] == [("CLOCK_JUMP", True)]


@given(st.lists(st.tuples(st.floats(0.0, 10.0), st.floats(-1e6, 1e6)), min_size=1, max_size=40))
def test_no_clock_stretches_a_deadline_beyond_receipt(steps: list[tuple[float, float]]) -> None:
    deadlines, at_s = Deadlines(NOON, 0.0), 0.0
    for step_s, age_s in steps:
        at_s += step_s
        assert left_ms(deadlines, a_frame(at_s, age_s)) <= DUE_MS + 1e-3


@given(st.lists(st.floats(0.0, MAX_TRANSIT_S), min_size=1, max_size=40))
def test_slow_network_is_no_skew(durations: list[float]) -> None:
    clock = CameraClock()
    for number, way_s in enumerate(durations):
        clock.add(way_s, number * SAMPLE_INTERVAL_S)
    assert clock.skew_s == 0.0


@given(st.floats(-1e6, 1e6), st.integers(0, 15), st.floats(-1e6, 1e6))
def test_one_wild_time_does_not_move_what_was_learned(skew_s: float, at: int, wild_s: float) -> None:
    assume(not 0.0 <= skew_s <= MAX_TRANSIT_S)
    clock = CameraClock()
    for number in range(16):
        clock.add(wild_s if number == at else skew_s, number * SAMPLE_INTERVAL_S)
    assert clock.skew_s == pytest.approx(skew_s)
