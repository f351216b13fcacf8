"""Frames that never arrived are detected by gaps in seq."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.sequence import LOST_AFTER_S, SequenceTracker, Span, spans

LATER = LOST_AFTER_S + 1.0


def lost(seqs: list[int], last: int | None = None) -> list[int]:
    sequence = SequenceTracker(last)
    for seq in seqs:
        sequence.add(seq, 0.0)
    return sequence.take_lost(LATER)


@given(st.integers(0, 10_000), st.integers(1, 200), st.data())
def test_exactly_the_numbers_that_never_came_are_lost(start: int, length: int, data: st.DataObject) -> None:
    missing = data.draw(st.sets(st.integers(start + 1, start + length - 1))) if length > 1 else set()
    came = [seq for seq in range(start, start + length + 1) if seq not in missing]
    assert lost(came) == sorted(missing)


@given(st.permutations(list(range(20))))
def test_order_does_not_matter_once_all_have_come(seqs: list[int]) -> None:
    assert lost([0, *seqs], last=0) == []


def test_gap_is_reported_only_after_a_while_and_only_once() -> None:
    sequence = SequenceTracker()
    sequence.add(1, 0.0)
    sequence.add(3, 0.0)
    assert sequence.take_lost(LOST_AFTER_S / 2) == []
    assert sequence.take_lost(LATER) == [2]
    assert sequence.take_lost(LATER * 2) == []


def test_redelivery_is_no_gap() -> None:
    assert lost([5, 6, 5, 6, 7], last=5) == []


def test_camera_that_starts_anew_has_lost_nothing() -> None:
    assert lost([5_000, 0, 1, 2]) == []
    assert lost([700, 1, 2, 3]) == []


def test_counter_that_jumps_far_ahead_is_another_counter() -> None:
    assert lost([1, 2_000_000, 2_000_001]) == []


def test_station_takes_up_where_it_stopped() -> None:
    assert lost([12], last=10) == [11]


@given(st.sets(st.integers(0, 200)))
def test_spans_hold_the_same_numbers_and_no_two_touch(numbers: set[int]) -> None:
    found = spans(numbers)
    assert [number for span in found for number in range(span.first, span.last + 1)] == sorted(numbers)
    assert sum(span.length for span in found) == len(numbers)
    assert all(after.first > before.last + 1 for before, after in pairwise(found))


def test_spans_of_nothing_are_none() -> None:
    assert spans([]) == []
    assert spans([3, 1, 2, 7]) == [Span(1, 3), Span(7, 7)]


def test_next_life_goes_on_before_the_first_open_gap() -> None:
    sequence = SequenceTracker()
    assert sequence.settled is None
    for seq in (1, 2, 5, 9):
        sequence.add(seq, 0.0)
    assert sequence.settled == 2
    sequence.add(3, 1.0)
    assert sequence.settled == 3
    sequence.take_lost(LATER)
    assert sequence.settled == 9


def test_counter_that_restarted_leaves_no_old_gap_in_the_way() -> None:
    sequence = SequenceTracker()
    for seq in (5000, 5002, 1):
        sequence.add(seq, 0.0)
    assert sequence.settled == 1
