"""One event for each run of a counter whose triggers were used before."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.domain.frame import FrameKey
from inspector.station.reuse_runs import FRESH_BETWEEN_RUNS, ReuseRuns


def key(trigger_id: str, camera: str = "cam1") -> FrameKey:
    return FrameKey("pcb", camera, trigger_id)


def reported(triggers: Sequence[str | None]) -> list[int]:
    """Which of these triggers are reported, by position; None is a fresh one."""
    runs, found = ReuseRuns(), []
    for at, trigger in enumerate(triggers):
        if trigger is None:
            runs.add_fresh(key("fresh"))
        elif runs.add_reused(key(trigger), None):
            found.append(at)
    return found


def test_each_run_without_numbers_is_reported_once() -> None:
    assert reported([str(number) for number in range(5)] * 3) == [0, 5, 10]


def test_each_numbered_run_is_reported_once() -> None:
    runs = ReuseRuns()
    numbered = [("1", 1), ("2", 1), ("1", 1), ("3", 2), ("4", 2)]
    assert [runs.add_reused(key(trigger), run) for trigger, run in numbered] == [True, False, False, True, False]


def test_frames_that_were_lost_before_begin_no_run() -> None:
    assert reported(["1", None, "3", None, None, "6"]) == [0]


def test_reuse_after_many_fresh_triggers_is_another_run() -> None:
    assert reported(["1", *[None] * FRESH_BETWEEN_RUNS, "2"]) == [0, FRESH_BETWEEN_RUNS + 1]


def test_cameras_are_told_apart() -> None:
    runs = ReuseRuns()
    assert [runs.add_reused(key("1", camera), None) for camera in ("cam1", "cam2", "cam1")] == [True, True, True]
    assert not runs.add_reused(key("2", "cam2"), None)
