"""Frames that never came, found by gaps in seq."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inspector.sequence import PATIENCE_S, Sequence

LATER = PATIENCE_S + 1.0


def lost(seqs: list[int], last: int | None = None) -> list[int]:
    sequence = Sequence(last)
    for seq in seqs:
        sequence.saw(seq, 0.0)
    return sequence.lost(LATER)


@given(st.integers(0, 10_000), st.integers(1, 200), st.data())
def test_exactly_the_numbers_that_never_came_are_lost(start: int, length: int, data: st.DataObject) -> None:
    missing = data.draw(st.sets(st.integers(start + 1, start + length - 1))) if length > 1 else set()
    came = [seq for seq in range(start, start + length + 1) if seq not in missing]
    assert lost(came) == sorted(missing)


@given(st.permutations(list(range(20))))
def test_order_does_not_matter_once_all_have_come(seqs: list[int]) -> None:
    assert lost([0, *seqs], last=0) == []


def test_gap_is_told_only_after_a_while_and_only_once() -> None:
    sequence = Sequence()
    sequence.saw(1, 0.0)
    sequence.saw(3, 0.0)
    assert sequence.lost(PATIENCE_S / 2) == []
    assert sequence.lost(LATER) == [2]
    assert sequence.lost(LATER * 2) == []


def test_redelivery_is_no_gap() -> None:
    assert lost([5, 6, 5, 6, 7], last=5) == []


def test_camera_that_starts_anew_has_lost_nothing() -> None:
    assert lost([5_000, 0, 1, 2]) == []
    assert lost([700, 1, 2, 3]) == []


def test_counter_that_jumps_far_ahead_is_another_counter() -> None:
    assert lost([1, 2_000_000, 2_000_001]) == []


def test_station_takes_up_where_it_stopped() -> None:
    assert lost([12], last=10) == [11]
