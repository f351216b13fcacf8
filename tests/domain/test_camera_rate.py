"""A camera can have sent only as many frames as its rate and the time allow."""

from __future__ import annotations

import pytest

from inspector.domain.camera_rate import BURST_FRAMES, CameraRate
from inspector.domain.counter_run import Arrival

INTERVAL_S = 0.1


def steady(frames: int = 100) -> CameraRate:
    """A camera that sent ten frames a second up to 0 s."""
    rate = CameraRate()
    for number in range(frames):
        rate.add(Arrival(number, (number - frames + 1) * INTERVAL_S), 0, is_next=True)
    return rate


def test_what_can_be_missing_grows_with_the_time() -> None:
    rate = steady()
    assert rate.expected(Arrival(0, 10.0)) == pytest.approx(99.0, rel=0.01)
    assert rate.can_miss(100, Arrival(0, 10.0))
    assert not rate.can_miss(99_998, Arrival(0, 10.0))
    assert rate.can_miss(30_000, Arrival(0, 3600.0)), "an hour without a connection"


def test_time_of_capture_does_not_lengthen_the_time() -> None:
    rate = steady()
    assert not rate.can_miss(99_998, Arrival(0, INTERVAL_S, captured_s=1e9))


def test_burst_is_not_allowed_again_and_again() -> None:
    rate = steady()
    rate.add(Arrival(0, INTERVAL_S), BURST_FRAMES, is_next=True)
    assert not rate.can_miss(BURST_FRAMES, Arrival(0, 2 * INTERVAL_S))


def test_gap_inside_a_backlog_may_be_as_long_as_the_time_of_its_collection() -> None:
    rate = steady()
    rate.add(Arrival(100, 3600.0, captured_s=1.0, age_s=3600.0), 0, is_next=True)
    assert rate.can_miss(10_000, Arrival(0, 3600.0, captured_s=1000.0, age_s=2600.0))
    rate.add(Arrival(101, 3600.0, captured_s=3600.0), 0, is_next=True)
    assert not rate.can_miss(10_000, Arrival(0, 3600.1)), "the backlog is over"


def test_pause_does_not_make_a_camera_slow() -> None:
    rate = steady()
    rate.add(Arrival(100, 36_000.0), 0, is_next=True)
    assert rate.expected(Arrival(0, 36_010.0)) == pytest.approx(99.0, rel=0.4)
