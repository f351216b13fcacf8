"""How many frames of undeclared cameras reach the station, and that the others are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from inspector.adapters.mqtt.undeclared_frames import FURTHER_LINES, MAX_COUNTED_LINES, TURN_S, TURNS, UndeclaredFrames


class Desk:
    """Counts, and calls back when time passes."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self.due: list[tuple[float, Callable[[], None]]] = []
        self.frames = UndeclaredFrames(self.count, lambda wait_s, call: self.due.append((wait_s, call)))

    def count(self, line: str, frames: int) -> None:
        self.counted[line] += frames

    def pass_turn(self) -> None:
        (wait_s, call), *self.due = self.due
        assert wait_s == TURN_S
        call()


def test_a_camera_at_an_ordinary_rate_is_read_whole() -> None:
    desk = Desk()
    for _ in range(50):
        assert all(desk.frames.has_turn("pcb") for _ in range(3))
        desk.pass_turn()
    assert (desk.counted, desk.due) == ({}, [])


def test_a_flood_is_read_in_turns_and_counted_by_line() -> None:
    desk = Desk()
    for _ in range(3):
        turns = [desk.frames.has_turn(line) for line in ["pcb", "cap"] * TURNS]
        assert (turns.count(True), len(desk.due)) == (TURNS, 1)
        desk.pass_turn()
    assert desk.counted == {"pcb": 3 * TURNS / 2, "cap": 3 * TURNS / 2}


def test_lines_without_number_take_no_memory() -> None:
    desk = Desk()
    frames = sum(not desk.frames.has_turn(f"line-{number}") for number in range(10 * MAX_COUNTED_LINES))
    desk.pass_turn()
    assert (len(desk.counted), desk.counted.total()) == (MAX_COUNTED_LINES + 1, frames)
    assert desk.counted[FURTHER_LINES] == frames - MAX_COUNTED_LINES
