"""The virtual camera's counter restarts and loses numbers on purpose; both are counted."""

from __future__ import annotations

from inspector.lab.chaos.frame_numbers import LOST_AFTER_RESTART, FrameNumbers


def test_numbers_follow_each_other_from_zero() -> None:
    numbers = FrameNumbers()
    assert [numbers.take() for _ in range(4)] == [0, 1, 2, 3]
    assert numbers.lost == 0


def test_restarted_counter_loses_numbers_inside_its_run() -> None:
    numbers = FrameNumbers()
    for _ in range(50):
        numbers.take()
    numbers.restart()
    taken = [numbers.take() for _ in range(8)]
    assert taken == [1, 2, 3, *range(4 + LOST_AFTER_RESTART, 9 + LOST_AFTER_RESTART)]
    assert numbers.lost == LOST_AFTER_RESTART
