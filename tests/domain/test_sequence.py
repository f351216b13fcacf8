"""Frames that never arrived are found by `seq`; restarts, wraps and jumps of the counter are not taken for losses."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from inspector.domain.camera_rate import BURST_FRAMES, MARGIN, MIN_INTERVAL_S
from inspector.domain.counter_run import MAX_OPEN_HOLES, REORDER_FRAMES, Arrival
from inspector.domain.sequence import (
    LOST_AFTER_S,
    MAX_CLOSED_HOLES,
    MAX_RUNS,
    CameraSequence,
    CounterChange,
    RunStart,
)

INTERVAL_S = 0.1
LATER_S = 10 * LOST_AFTER_S
RESTARTED, WRAPPED, JUMPED = CounterChange.RESTARTED, CounterChange.WRAPPED, CounterChange.JUMPED


class Outcome(NamedTuple):
    """What a camera's numbers became."""

    runs: list[int]
    changes: list[CounterChange]
    lost: list[tuple[int, int, int]]

    @property
    def frames_lost(self) -> int:
        return sum(last - first + 1 for _, first, last in self.lost)


def play(seqs: Iterable[int], *, captured: bool = True, interval_s: float = INTERVAL_S) -> Outcome:
    """The numbers in this order, one after another."""
    times = ((seq, number * interval_s) for number, seq in enumerate(seqs, 1))
    return outcome(Arrival(seq, at_s, at_s if captured else None) for seq, at_s in times)


def outcome(arrivals: Iterable[Arrival], sequence: CameraSequence | None = None) -> Outcome:
    sequence, at_s = sequence or CameraSequence(), 0.0
    runs, changes = [], []
    for arrival in arrivals:
        placed = sequence.add(arrival)
        runs.append(placed.run)
        changes += [placed.change] if placed.change else []
        at_s = arrival.at_s
    lost = [(each.run, *each.span) for each in sequence.take_lost(at_s + LATER_S)]
    return Outcome(runs, changes, lost)


def numbers(first: int, last: int, *stolen: int) -> list[int]:
    return [seq for seq in range(first, last + 1) if seq not in stolen]


both_clocks = pytest.mark.parametrize("captured", [True, False], ids=["captured_at", "no captured_at"])


# ---------------------------------------------------------------------- runs


@both_clocks
def test_frames_stolen_after_a_restart_are_lost(captured: bool) -> None:
    found = play([*numbers(1, 500), *numbers(1, 60, *range(21, 41))], captured=captured)
    assert found == ([1] * 500 + [2] * 40, [RESTARTED], [(2, 21, 40)])


@both_clocks
def test_frames_stolen_across_a_restart_are_lost_as_far_as_numbers_show_them(captured: bool) -> None:
    found = play([*numbers(1, 500, *range(480, 490)), *numbers(11, 60)], captured=captured)
    assert found.lost == [(1, 480, 489), (2, 1, 10)]


@both_clocks
@pytest.mark.parametrize("last", [2, 17, 200, 503, 999, 70_000])
def test_restart_loses_nothing(last: int, captured: bool) -> None:
    found = play([*numbers(max(1, last - 600), last), *numbers(1, 30)], captured=captured)
    assert (found.changes, found.lost) == ([RESTARTED], [])


@both_clocks
@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("first", [0, 1])
def test_wrap_loses_nothing_and_is_no_restart(bits: int, first: int, captured: bool) -> None:
    """Some counters leave out 0."""
    found = play([*numbers(2**bits - 12, 2**bits - 1), *numbers(first, 40)], captured=captured)
    assert (found.changes, found.lost) == ([WRAPPED], [])


@both_clocks
def test_frames_stolen_around_a_wrap_are_lost(captured: bool) -> None:
    found = play([*numbers(200, 250), *numbers(6, 40)], captured=captured, interval_s=1.0)
    assert found.lost == [(1, 251, 255), (2, 1, 5)]


def test_late_frame_of_before_a_wrap_is_not_lost() -> None:
    found = play([*numbers(230, 254), 0, 255, 1, 2, 3])
    assert (found.runs[-5:], found.lost) == ([2, 1, 2, 2, 2], [])


def test_a_restart_where_a_counter_would_wrap_proves_no_wrap() -> None:
    """A pause, not a wrap, separates 255 and 1: the next pause is no wrap either."""
    frames, at_s = [], 0.0
    for length in (255, 5, 5):
        frames += [Arrival(seq, at_s + seq * INTERVAL_S, at_s + seq * INTERVAL_S) for seq in numbers(1, length)]
        at_s = frames[-1].at_s + 20.0
    found = outcome(frames)
    assert (found.runs[-10:], found.lost) == ([2] * 5 + [3] * 5, [])


def test_two_restarts_in_a_row() -> None:
    found = play([*numbers(1, 300), 1, 2, *numbers(1, 9, 4)])
    assert (found.runs[-10:], found.changes) == ([2, 2, *[3] * 8], [RESTARTED, RESTARTED])
    assert found.lost == [(3, 4, 4)]


def test_counter_that_begins_again_with_each_lot() -> None:
    lots = [(lot, seq) for lot in "ABC" for seq in numbers(1, 30, 7)]
    found = outcome(Arrival(seq, at * INTERVAL_S, lot=lot) for at, (lot, seq) in enumerate(lots))
    assert found.runs == [1] * 29 + [2] * 29 + [3] * 29
    assert found.lost == [(1, 7, 7), (2, 7, 7), (3, 7, 7)]


def test_lot_tells_a_restart_from_a_late_frame() -> None:
    """Its first two frames are lost, and the third has a number that the lot before still misses."""
    before = [Arrival(seq, seq * INTERVAL_S, lot="A") for seq in numbers(1, 40, 3, 4)]
    after = [Arrival(seq, (40 + seq) * INTERVAL_S, lot="B") for seq in numbers(3, 9)]
    assert outcome([*before, *after]).lost == [(1, 3, 4), (2, 1, 2)]


def test_time_of_capture_tells_a_restart_from_a_late_frame() -> None:
    assert play([*numbers(1, 40, 3, 4), *numbers(3, 9)]).lost == [(1, 3, 4), (2, 1, 2)]


def late_after_a_restart(before: list[int], after: list[int], late: Arrival) -> Outcome:
    """A frame of the run before arrives once the restarted counter sent its first frames."""
    old = [Arrival(seq, seq * INTERVAL_S, seq * INTERVAL_S) for seq in before]
    began_s = 1.0 + before[-1] * INTERVAL_S
    new = [Arrival(seq, began_s + seq * INTERVAL_S, began_s + seq * INTERVAL_S) for seq in after]
    overtaken = [each for each in new if each.at_s <= late.at_s]
    return outcome([*old, *overtaken, late, *new[len(overtaken) :]])


@pytest.mark.parametrize("last", [4, 10, 200, 900])
def test_late_frame_of_before_a_restart_opens_no_hole_in_the_new_run(last: int) -> None:
    late = Arrival(last + 1, 1.35 + last * INTERVAL_S, (last + 1) * INTERVAL_S)
    found = late_after_a_restart(numbers(1, last), numbers(1, 60), late)
    assert found == ([1] * last + [2] * 3 + [1] + [2] * 57, [RESTARTED], [])


def test_late_frame_of_before_a_restart_fills_no_hole_of_the_new_run() -> None:
    late = Arrival(35, 4.95, 3.5)
    found = late_after_a_restart(numbers(1, 40, 35), numbers(1, 60, 35), replace(late, at_s=1.0 + 4.0 + 3.65))
    assert found.lost == [(2, 35, 35)]


def test_camera_whose_clock_begins_again_too_restarted() -> None:
    before = [Arrival(seq, seq * INTERVAL_S, 1e9 + seq) for seq in numbers(1, 300)]
    after = [Arrival(seq, (300 + seq) * INTERVAL_S, float(seq)) for seq in numbers(1, 60, 50)]
    found = outcome([*before, *after])
    assert (found.changes, found.lost) == ([RESTARTED], [(2, 50, 50)])


def test_two_cameras_of_one_name_are_two_counters() -> None:
    found = play([seq for step in range(50) for seq in (5_000 + step, 90_000 + step)])
    assert (set(found.runs), found.lost) == ({1, 2}, [])


# ---------------------------------------------------------------------- jumps and nonsense


@both_clocks
def test_steps_that_no_camera_can_make_are_jumps_and_no_losses(captured: bool) -> None:
    found = play([step * 99_999 for step in range(60)], captured=captured)
    assert (found.changes, found.lost) == ([JUMPED] * 59, [])


def test_jump_of_a_steady_camera_is_no_loss_and_a_gap_is() -> None:
    found = play([*numbers(1, 100), *numbers(131, 150), *numbers(100_149, 100_200)])
    assert (found.changes, found.lost) == ([JUMPED], [(1, 101, 130)])


def test_one_wrong_number_disturbs_nothing() -> None:
    found = play([*numbers(1, 50), 10**14, *numbers(51, 80), 0, *numbers(81, 99, 90)])
    assert found.lost == [(1, 90, 90)]


def test_camera_that_always_sends_the_same_number_loses_nothing() -> None:
    assert play([0] * 50) == ([1] * 50, [], [])


def test_long_outage_is_a_loss_and_not_a_jump() -> None:
    before = [Arrival(seq, seq * INTERVAL_S) for seq in numbers(1, 100)]
    found = outcome([*before, Arrival(30_000, 100 * INTERVAL_S + 3_000.0), Arrival(30_001, 3_011.0)])
    assert (found.changes, found.frames_lost) == ([], 29_899)


# ---------------------------------------------------------------------- late, twice, out of order


@given(st.integers(0, 10_000), st.integers(1, 200), st.data())
def test_exactly_the_numbers_that_never_came_are_lost(start: int, length: int, data: st.DataObject) -> None:
    missing = data.draw(st.sets(st.integers(start + 1, start + length - 1))) if length > 1 else set()
    came = [seq for seq in range(start, start + length + 1) if seq not in missing]
    lost = play(came).lost
    found = {seq for _, first, last in lost for seq in range(first, last + 1)}
    assert missing <= found, "what is missing is never forgotten"
    assert found == missing or len(missing) > MAX_OPEN_HOLES, "joined holes are sorted out by the ledger"


@given(st.permutations(list(range(1, 16))))
def test_order_does_not_matter_once_all_have_come(seqs: list[int]) -> None:
    assert play([0, *seqs]).lost == []


def test_gap_is_reported_only_after_a_while_and_only_once() -> None:
    sequence = CameraSequence()
    for seq in (1, 3):
        sequence.add(Arrival(seq, 0.0))
    assert sequence.take_lost(LOST_AFTER_S / 2) == []
    assert [each.span for each in sequence.take_lost(LATER_S)] == [(2, 2)]
    assert sequence.take_lost(2 * LATER_S) == []


def test_redelivery_after_a_reconnect_is_no_restart() -> None:
    seen = [Arrival(seq, seq * INTERVAL_S) for seq in numbers(1, 40)]
    again = [Arrival(seq, 41 * INTERVAL_S, redelivered=True) for seq in numbers(20, 40)]
    later = [Arrival(seq, (41 + seq) * INTERVAL_S) for seq in numbers(41, 60)]
    assert outcome([*seen, *again, *later]) == ([1] * 81, [], [])


def test_redelivered_frames_of_a_restarted_counter_are_its_own() -> None:
    """The connection was cut while the camera restarted: the station sees them for the first time."""
    seen = [Arrival(seq, seq * INTERVAL_S, seq * INTERVAL_S) for seq in numbers(1, 40)]
    again = [Arrival(seq, 10.0 + seq, 10.0 + seq, redelivered=True) for seq in numbers(1, 5)]
    later = [Arrival(seq, 10.0 + seq, 10.0 + seq) for seq in numbers(6, 20, 9)]
    assert outcome([*seen, *again, *later]) == ([1] * 40 + [2] * 19, [RESTARTED], [(2, 9, 9)])


# ---------------------------------------------------------------------- a station that restarts


def test_station_continues_where_it_stopped() -> None:
    resumed = CameraSequence(RunStart(3, 10, 0.0))
    assert outcome([Arrival(12, 1.0), Arrival(13, 1.1)], resumed) == ([3, 3], [], [(3, 11, 11)])
    assert resumed.resume_at == (3, 13)


def test_camera_that_restarted_meanwhile_has_a_new_run() -> None:
    resumed = CameraSequence(RunStart(3, 500, 0.0, 0.0), newest_run=5)
    assert outcome([Arrival(seq, 60.0 + seq, 60.0 + seq) for seq in (1, 2, 4)], resumed).runs == [6, 6, 6]


def test_next_process_continues_before_the_first_open_hole() -> None:
    sequence = CameraSequence()
    assert sequence.resume_at is None
    for seq in (1, 2, 5, 9):
        sequence.add(Arrival(seq, 0.0))
    assert sequence.resume_at == (1, 2)
    sequence.add(Arrival(3, 1.0))
    assert sequence.resume_at == (1, 3)
    sequence.take_lost(LATER_S)
    assert sequence.resume_at == (1, 9)


# ---------------------------------------------------------------------- against a plain model


@dataclass
class PlainCounter:
    """The reference: it is told of every restart and remembers every number. Nothing in it is bounded."""

    runs: list[set[int]] = field(default_factory=list)
    arrivals: list[tuple[int, Arrival]] = field(default_factory=list)
    now_s: float = 0.0

    def run(self, came: Sequence[int], order: random.Random, *, is_late: bool) -> None:
        """The camera counts from 1 again; `came` are the frames that arrive, some after their successors."""
        self.runs.append(set(came))
        began_s, number = self.now_s, len(self.runs)
        shots = [(seq, began_s + seq * INTERVAL_S) for seq in came]
        if is_late:
            shots.sort(key=lambda shot: shot[0] + order.uniform(0.0, 6.0))
        for place, (seq, captured_s) in enumerate(shots):
            at_s = max(self.now_s, captured_s)
            self.arrivals.append((number, Arrival(seq, at_s, captured_s)))
            self.now_s = at_s
            if order.random() < 0.05:
                again = shots[order.randint(max(0, place - 9), place)]
                self.arrivals.append((number, Arrival(again[0], at_s, again[1], redelivered=True)))
        self.now_s += 20.0

    def lost(self) -> set[tuple[int, int]]:
        """Numbers below a run's highest that did not arrive. Where the first run began is unknown."""
        starts = [min(self.runs[0]), *(1 for _ in self.runs[1:])]
        return {
            (number, seq)
            for number, (start, came) in enumerate(zip(starts, self.runs, strict=True), 1)
            for seq in set(range(start, max(came))) - came
        }

    def hold_back(self, numbers: Sequence[int], order: random.Random) -> None:
        """The last frame of each of these runs arrives among the first frames of the next one."""
        for number in numbers:
            held = max((each for each in self.arrivals if each[0] == number), key=lambda each: each[1].seq)
            after = [at for at, each in enumerate(self.arrivals) if each[0] == number + 1]
            if after and not held[1].redelivered and sum(each[0] == number for each in self.arrivals) > 2:
                at = after[min(order.randint(1, 8), len(after)) - 1]
                self.arrivals.insert(at + 1, (number, replace(held[1], at_s=self.arrivals[at][1].at_s)))
                self.arrivals.remove(held)


RUN = st.tuples(st.integers(5, 400), st.sets(st.integers(3, 400), max_size=50))


@settings(max_examples=150)
@given(st.lists(RUN, min_size=1, max_size=6), st.booleans(), st.randoms(use_true_random=False))
def test_as_the_plain_model_says(runs: list[tuple[int, set[int]]], is_late: bool, order: random.Random) -> None:
    """Where frames overtake others, a shorter run than that may be continued by a later frame of the next one."""
    model = PlainCounter()
    for length, stolen in runs:
        came = [seq for seq in range(1, length + 1) if seq not in stolen]
        assume(not is_late or came[-1] > REORDER_FRAMES)
        model.run(came, order, is_late=is_late)
    found = outcome(arrival for _, arrival in model.arrivals)
    assert found.runs == [number for number, _ in model.arrivals]
    assert {(run, seq) for run, first, last in found.lost for seq in range(first, last + 1)} == model.lost()


SHORT_RUN = st.tuples(st.integers(5, 200), st.sets(st.integers(3, 200), max_size=20))  # too short for a wrap at 255


@settings(max_examples=60)
@given(st.lists(SHORT_RUN, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_late_frames_of_before_restarts_as_the_plain_model_says(
    runs: list[tuple[int, set[int]]], order: random.Random
) -> None:
    model = PlainCounter()
    for length, stolen in runs:
        model.run([seq for seq in range(1, length + 1) if seq not in stolen], order, is_late=False)
    model.hold_back(range(1, len(runs)), order)
    found = outcome(arrival for _, arrival in model.arrivals)
    assert found.runs == [number for number, _ in model.arrivals]
    assert {(run, seq) for run, first, last in found.lost for seq in range(first, last + 1)} == model.lost()


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(0, 300), st.integers(0, 10**15), st.sampled_from([255, 256, 65_535, 2**32 - 1])),
            st.floats(0.0, 0.5),
            st.one_of(st.none(), st.floats(0.0, 1e10)),
            st.sampled_from([None, "A", "B"]),
            st.booleans(),
        ),
        max_size=300,
    )
)
def test_no_numbers_in_any_order_lose_more_than_the_time_allows(
    steps: list[tuple[int, float, float | None, str | None, bool]],
) -> None:
    sequence, at_s, lost = CameraSequence(), 0.0, 0
    for seq, pause_s, captured_s, lot, redelivered in steps:
        at_s += pause_s
        sequence.add(Arrival(seq, at_s, captured_s, 0.0, lot, redelivered))
        lost += sum(each.span.length for each in sequence.take_lost(at_s))
    last = sequence.take_lost(at_s + LATER_S)
    assert len(last) <= MAX_RUNS * MAX_OPEN_HOLES + MAX_CLOSED_HOLES
    assert lost + sum(each.span.length for each in last) <= BURST_FRAMES + at_s * MARGIN / MIN_INTERVAL_S


def test_memory_does_not_grow_with_numbers_or_messages() -> None:
    sequence, rolls = CameraSequence(), random.Random(1)

    def attack(messages: int) -> None:
        for number in range(messages):
            sequence.add(Arrival(rolls.choice((number * 99_999, number * 2, rolls.randrange(10**15))), number * 0.001))

    attack(5_000)
    tracemalloc.start()
    before = tracemalloc.take_snapshot()
    attack(20_000)
    growth = sum(each.size_diff for each in tracemalloc.take_snapshot().compare_to(before, "filename"))
    tracemalloc.stop()
    assert growth < 64 * 1024
