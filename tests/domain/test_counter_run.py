"""One run of a counter takes the frames that it misses, and no others."""

from __future__ import annotations

from inspector.domain.counter_run import MAX_OPEN_HOLES, MAX_SEEN_AGAIN, REORDER_FRAMES, Arrival, CounterRun
from inspector.domain.spans import Span


def arrival(seq: int, captured_s: float | None = None, **facts: object) -> Arrival:
    return Arrival(seq, float(seq), captured_s, **facts)  # type: ignore[arg-type]


def a_run(*seqs: int, captured: bool = True) -> CounterRun:
    """A run whose frame `seq` was captured at `seq` seconds."""
    first, *later = (arrival(seq, float(seq) if captured else None) for seq in seqs)
    run = CounterRun(1, first)
    for each in later:
        run.add(each)
    return run


def spans(run: CounterRun) -> list[Span]:
    return [hole.span for hole in run.holes]


def test_holes_close_from_either_end_and_in_the_middle() -> None:
    run = a_run(1, 10)
    assert spans(run) == [Span(2, 9)]
    for seq in (2, 9, 5):
        run.add(arrival(seq, seq))
    assert spans(run) == [Span(3, 4), Span(6, 8)]
    assert run.settled == 2


def test_frame_that_overtook_few_others_is_late_whatever_its_time_says() -> None:
    run = a_run(1, 2, 4)
    assert run.has_missed(arrival(3, 99.0))
    assert not run.has_missed(arrival(3, 99.0), idle=REORDER_FRAMES), "an earlier run sent nothing after it ended"


def test_far_behind_a_frame_captured_last_is_not_late() -> None:
    head = REORDER_FRAMES + 10
    run = a_run(1, 5, *range(6, head))
    assert run.has_missed(arrival(3, 2.5))
    assert not run.has_missed(arrival(3, 99.0))


def test_frame_of_another_lot_fills_no_hole() -> None:
    run = CounterRun(1, arrival(1, lot="A"))
    run.add(arrival(4, lot="A"))
    assert run.has_missed(arrival(2, lot="A"))
    assert run.has_missed(arrival(2))
    assert not run.has_missed(arrival(2, lot="B"))


def test_frame_may_arrive_after_it_was_given_up() -> None:
    run = a_run(1, 4)
    assert [hole.span for hole in run.give_up(100.0)] == [Span(2, 3)]
    assert run.give_up(100.0) == []
    assert run.has_missed(arrival(2, 1.5))
    assert not run.has_missed(arrival(2, 99.0))
    run.add(arrival(2, 1.5))
    assert spans(run) == []


def test_hole_of_a_single_frame_is_not_given_up() -> None:
    run = CounterRun(2, arrival(20), first=1)
    assert run.give_up(100.0) == []
    run.add(arrival(21))
    assert [hole.span for hole in run.give_up(100.0)] == [Span(1, 19)]


def test_redelivered_number_belongs_to_its_run() -> None:
    run = a_run(1, 2, 3, captured=False)
    assert run.has_missed(arrival(2, redelivered=True))
    assert not run.has_missed(arrival(2)), "a new frame with an old number began another run"


def test_number_seen_again_is_a_repeat_only_while_it_was_captured_in_the_run() -> None:
    run = a_run(10, 11, 12)
    assert run.has_missed(arrival(11, 11.0))
    assert not run.has_missed(arrival(11, 5.0)), "its clock began again too"
    for _ in range(MAX_SEEN_AGAIN):
        run.add(arrival(11, 11.0))
    assert not run.has_missed(arrival(11, 11.0)), "so many repeats are a counter that began again"


def test_camera_that_always_sends_the_same_number_has_one_run() -> None:
    run = a_run(7)
    assert run.has_missed(arrival(7, 99.0))


def test_young_run_may_begin_out_of_order() -> None:
    run = a_run(100)
    assert run.has_missed(arrival(98, 98.0))
    run.add(arrival(98, 98.0))
    assert (run.first, spans(run)) == (98, [Span(99, 99)])


def test_resumed_run_knows_the_numbers_before_as_received() -> None:
    run = CounterRun(3, arrival(500, 500.0), first=0, resumed=True)
    assert run.has_missed(arrival(480, 480.0))
    assert not run.has_missed(arrival(1, 501.0))
    assert spans(run) == []


def test_number_of_holes_is_bounded_and_no_missing_number_is_forgotten() -> None:
    every_other = range(1, 20 * MAX_OPEN_HOLES, 2)
    run = a_run(*every_other)
    assert len(run.holes) == MAX_OPEN_HOLES
    missing = set(range(1, every_other[-1])) - set(every_other)
    assert missing <= {seq for span in spans(run) for seq in range(span.first, span.last + 1)}
