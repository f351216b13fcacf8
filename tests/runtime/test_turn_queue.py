"""Callers take turns, and what each has in hand counts."""

from __future__ import annotations

import pytest

from inspector.runtime.turn_queue import TurnQueue


def filled(**counts: int) -> TurnQueue[str, int]:
    queue: TurnQueue[str, int] = TurnQueue()
    for caller, count in counts.items():
        for item in range(count):
            queue.put(caller, item)
    return queue


def test_who_adds_little_is_next_however_much_another_one_added() -> None:
    queue = filled(flood=1000)
    for _ in range(5):
        queue.take()
    queue.put("quiet", 0)
    assert queue.take() == ("quiet", 0)
    assert queue.take() == ("flood", 5), "each caller's items keep their order"


def test_callers_share_equally_what_is_in_hand() -> None:
    queue = filled(a=50, b=50, c=2)
    taken = [queue.take()[0] for _ in range(10)]
    assert {each: taken.count(each) for each in "abc"} == {"a": 4, "b": 4, "c": 2}


def test_ended_items_no_longer_count() -> None:
    queue = filled(a=10, b=10)
    assert [queue.take()[0] for _ in range(4)] == ["a", "b", "a", "b"]
    for _ in range(2):
        queue.end("b")
    assert [queue.take()[0] for _ in range(3)] == ["b", "b", "a"]


def test_an_empty_queue_has_no_turn() -> None:
    queue = filled(a=1)
    queue.take()
    assert len(queue) == 0
    with pytest.raises(ValueError, match="empty"):
        queue.take()
