"""Who waits, who is admitted and who is refused before a pool that can't keep up."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.station.admission import OVERLOAD_OVER_S, RETRY_WHOLE_LADDER_S, Admission, AdmissionResult, Ticket

STEP_S = 0.020  # what a rung takes


FLOODING, INNOCENT = ("pcb", "flooding"), ("pcb", "innocent")


@dataclass
class Pool:
    """An engine that asks one rung at a time, with an queue before it. A first rung settles no part here."""

    slots: int = 16
    admission: Admission = field(init=False)
    free_at: float = 0.0
    ends: list[tuple[float, int, Ticket]] = field(default_factory=list)
    fates: Counter[str] = field(default_factory=Counter)
    answers: list[float] = field(default_factory=list)
    overloaded: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.admission = Admission(self.slots)

    def arrive(self, ticket: Ticket, now_s: float) -> None:
        self.run_until(now_s)
        self._obey(self.admission.enter(ticket, now_s), now_s)
        self.overloaded.append(self.admission.is_overloaded)

    def run_until(self, now_s: float) -> None:
        while self.ends and self.ends[0][0] <= now_s:
            end_s, _, ticket = heapq.heappop(self.ends)
            self.fates["late" if end_s > ticket.due_s else "short" if ticket.is_short else "whole"] += 1
            self.answers.append(ticket.due_s - end_s)
            self._obey(self.admission.leave(ticket, end_s, learn=True), end_s)

    def _obey(self, result: AdmissionResult, now_s: float) -> None:
        for ticket in result.admitted:
            self.free_at = max(self.free_at, now_s) + STEP_S * (1 if ticket.is_short else ticket.rungs)
            heapq.heappush(self.ends, (self.free_at, id(ticket), ticket))
        for ticket in result.refused:
            self.fates["refused"] += 1
            self.answers.append(ticket.due_s - now_s)


def a_line(load: float, *, rungs: int, seconds: float, due_s: float = 1.0) -> Pool:
    """Frames at a steady pace: `load` times what the pool can judge with whole ladders."""
    pool, interval_s = Pool(), STEP_S * rungs / load
    for number in range(round(seconds / interval_s)):
        pool.arrive(Ticket(number * interval_s + due_s, rungs), number * interval_s)
    pool.run_until(1e9)
    return pool


def test_line_that_keeps_up_is_judged_whole() -> None:
    pool = a_line(0.9, rungs=3, seconds=60)
    assert set(pool.fates) == {"whole"}
    assert not any(pool.overloaded)


def test_ladder_is_cut_before_a_part_goes_unjudged() -> None:
    """At 120 % load first rungs alone are a fifth of what the pool can do."""
    pool = a_line(1.2, rungs=6, seconds=60)
    assert pool.fates["refused"] == 0
    assert pool.fates["short"] > 0
    assert pool.fates["whole"] > pool.fates["short"]


@pytest.mark.parametrize("load", [1.2, 2.0, 10.0])
def test_every_part_has_its_answer_before_its_deadline(load: float) -> None:
    pool = a_line(load, rungs=1, seconds=20)
    assert min(pool.answers) >= 0.0
    assert sum(pool.fates.values()) == len(pool.overloaded)


@pytest.mark.parametrize("load", [1.2, 2.0, 10.0])
def test_few_parts_are_begun_in_vain_where_ladders_are_long(load: float) -> None:
    """The pool learns while the load changes; what it begins too late is cut off at its deadline."""
    pool = a_line(load, rungs=3, seconds=20)
    assert pool.fates["late"] <= 0.02 * len(pool.overloaded)


def test_overload_leaves_the_pool_busy_with_parts_that_count() -> None:
    pool = a_line(1.2, rungs=1, seconds=60)
    judged = pool.fates["whole"]
    assert judged * STEP_S > 0.95 * 60


@dataclass
class SharedPool:
    """An engine that works at all its parts at once: each takes `alone_s`, and `each_s` more for every part in hand.
    A part that is not judged by its deadline is given up."""

    alone_s: float
    each_s: float
    admission: Admission = field(default_factory=lambda: Admission(16))
    left: dict[Ticket, float] = field(default_factory=dict)
    fates: Counter[str] = field(default_factory=Counter)
    now_s: float = 0.0

    @property
    def capacity(self) -> float:
        """Parts per second with every slot taken."""
        return 16 / self.takes_s(16)

    def takes_s(self, concurrency: int) -> float:
        return self.alone_s + self.each_s * max(1, concurrency)

    def arrive(self, ticket: Ticket) -> None:
        self._obey(self.admission.enter(ticket, self.now_s))

    def run_until(self, until_s: float) -> None:
        while self.left:
            ticket, left = min(self.left.items(), key=lambda item: item[1])
            takes_s = self.takes_s(len(self.left))
            urgent = min(self.left, key=lambda other: other.due_s)
            next_s = min(self.now_s + left * takes_s, urgent.due_s)
            if next_s > until_s:
                break
            self._work(next_s)
            self._end(urgent, "vain") if next_s == urgent.due_s else self._end(ticket, "judged")
        self._work(until_s)

    def _work(self, until_s: float) -> None:
        done = (until_s - self.now_s) / self.takes_s(len(self.left))
        self.left = {ticket: left - done for ticket, left in self.left.items()}
        self.now_s = until_s

    def _end(self, ticket: Ticket, fate: str) -> None:
        self.fates[fate] += 1
        del self.left[ticket]
        self._obey(self.admission.leave(ticket, self.now_s, learn=True))

    def _obey(self, result: AdmissionResult) -> None:
        self.left |= dict.fromkeys(result.admitted, 1.0)
        self.fates["refused"] += len(result.refused)


@pytest.mark.parametrize("load", [1.2, 3.0, 10.0])
@pytest.mark.parametrize(("alone_s", "each_s"), [(0.0, 0.11), (0.0, 0.02), (0.2, 0.02)])
def test_pool_is_given_as_many_at_once_as_it_can_judge_in_time(load: float, alone_s: float, each_s: float) -> None:
    """Sixteen at once would all be late on the first of these engines, and one by one would waste the last."""
    pool, seconds = SharedPool(alone_s, each_s), 60
    for number in range(round(load * pool.capacity * seconds)):
        pool.run_until(number / (load * pool.capacity))
        pool.arrive(Ticket(pool.now_s + 1.4))
    pool.run_until(1e9)
    assert pool.fates["judged"] >= 0.8 * pool.capacity * seconds
    assert pool.fates["vain"] <= 0.04 * pool.fates["judged"]


def test_overload_begins_once_and_ends_once() -> None:
    pool, due_s = Pool(), 1.0
    quiet_s = RETRY_WHOLE_LADDER_S + OVERLOAD_OVER_S
    times = [number / 120 for number in range(120 * 10)]
    times += [times[-1] + number / 10 for number in range(1, round(10 * 2 * quiet_s))]
    for now_s in times:
        pool.arrive(Ticket(now_s + due_s), now_s)
    changes = [b for a, b in zip([False, *pool.overloaded], pool.overloaded, strict=False) if a != b]
    assert changes == [True, False]


def test_camera_that_sends_too_much_waits_for_itself_only() -> None:
    """One camera sends five times what the pool can judge; another one a fifth of it."""
    pool, sent = Pool(slots=4), list[Ticket]()
    arrivals = [(number * STEP_S / 5.0, FLOODING) for number in range(2500)]
    arrivals += [(number * STEP_S * 5.0 + 0.001, INNOCENT) for number in range(100)]
    for at_s, camera in sorted(arrivals):
        ticket = Ticket(at_s + 1.0, 1, camera)
        pool.arrive(ticket, at_s)
        sent += [ticket] if camera is INNOCENT and at_s > 1.0 else []
    pool.run_until(1e9)
    judged = [ticket for ticket in sent if ticket.admitted_s]
    waited = [ticket.admitted_s - ticket.entered_s for ticket in judged]
    assert len(judged) == len(sent)
    assert max(waited) < 0.3
    assert pool.fates["late"] == 0


def test_earliest_deadline_is_called_first() -> None:
    admission, running = Admission(1), Ticket(100.0)
    admission.enter(running, 0.0)
    tickets = [Ticket(due_s) for due_s in (9.0, 3.0, 6.0)]
    for ticket in tickets:
        admission.enter(ticket, 0.0)
    admitted = []
    for _ in tickets:
        running = admission.leave(running, 0.001, learn=False).admitted[0]
        admitted.append(running.due_s)
    assert admitted == [3.0, 6.0, 9.0]


def test_part_that_comes_too_late_is_refused_without_an_overload() -> None:
    admission = Admission(1)
    admission.enter(Ticket(100.0), 0.0)
    assert len(admission.enter(Ticket(1.0), 2.0).refused) == 1
    assert not admission.is_overloaded


def test_pool_that_was_slow_once_is_tried_again() -> None:
    admission = Admission(4)
    slow = Ticket(100.0)
    admission.enter(slow, 0.0)
    admission.leave(slow, 50.0, learn=True)
    assert len(admission.enter(Ticket(61.0), 60.0).admitted) == 1


def test_burst_on_an_idle_pool_waits_without_an_overload() -> None:
    pool = Pool()
    for _ in range(40):
        pool.arrive(Ticket(1.0), 0.0)
    pool.run_until(10.0)
    assert pool.fates == {"whole": 40}
    assert not any(pool.overloaded)


@settings(max_examples=50)
@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.floats(0.0, 0.1), st.floats(0.001, 1.0), st.integers(1, 3)), max_size=60),
)
def test_nobody_is_forgotten_and_no_slot_is_used_twice(slots: int, arrivals: list[tuple[float, float, int]]) -> None:
    pool, now_s, most = Pool(slots), 0.0, 0
    for step_s, due_s, rungs in arrivals:
        now_s += step_s
        pool.arrive(Ticket(now_s + due_s, rungs), now_s)
        most = max(most, len(pool.ends))
    pool.run_until(1e9)
    assert sum(pool.fates.values()) == len(arrivals)
    assert most <= slots
