"""The demo's rate: what the machine keeps, whatever its speed, without one refused part too many."""

from __future__ import annotations

import pytest
from support.fakes import a_part

from inspector.domain.decision import Reason
from inspector.messages.outgoing import VerdictMessage, verdict_message
from inspector.operations.send_rate import MAX_FPS, MEASURED_PARTS, MEASURING_DEADLINE_MS, MIN_FPS, RateControl

LINE_DEADLINE_MS = 1500.0


class Machine:
    """Judges one part after another, each in `part_s`, and refuses a part that it can't judge in time."""

    def __init__(self, part_s: float) -> None:
        self.part_s = part_s
        self.control = RateControl()
        self.now_s = 0.0
        self.free_s = 0.0
        self.pending: list[tuple[float, float, VerdictMessage]] = []
        self.refused = 0

    def run(self, parts: int) -> None:
        for _ in range(parts):
            self._take_verdicts(self.control.most_open - 1)
            self._send()
            self.now_s += 0.0 if self.control.is_measuring else 1.0 / self.control.fps
            self._take_verdicts(len(self.pending))

    def _send(self) -> None:
        deadline_ms = self.control.deadline_ms or LINE_DEADLINE_MS
        done_s = max(self.now_s, self.free_s) + self.part_s
        is_refused = (done_s - self.now_s) * 1000.0 > deadline_ms
        self.refused += is_refused
        self.free_s = self.free_s if is_refused else done_s
        reason = Reason.OVERLOAD if is_refused else Reason.NO_DEFECT
        verdict = verdict_message(a_part()).model_copy(update={"reason": reason, "deadline_ms": deadline_ms})
        self.pending.append((self.now_s, self.now_s if is_refused else done_s, verdict))

    def _take_verdicts(self, most_open: int) -> None:
        """Take the verdicts that are there, and wait for others while too many parts are open."""
        self.pending.sort(key=lambda each: each[1])
        while self.pending and (self.pending[0][1] <= self.now_s or len(self.pending) > most_open):
            sent_s, received_s, verdict = self.pending.pop(0)
            self.now_s = max(self.now_s, received_s)
            self.control.add(sent_s, received_s, verdict)


@pytest.mark.parametrize("part_s", [0.01, 0.1, 0.4, 1.2, 5.0])
def test_no_part_is_refused_and_the_machine_is_used(part_s: float) -> None:
    machine = Machine(part_s)
    machine.run(300)
    assert machine.refused == 0
    assert 0.5 / part_s <= machine.control.fps or machine.control.fps == MAX_FPS


@pytest.mark.parametrize("kept_fps", [1.0, 2.0, 6.0])
def test_rate_at_which_a_part_was_refused_is_tried_more_and_more_rarely(kept_fps: float) -> None:
    """The machine refuses by a rule of its own, which says nothing before."""
    control, verdict = RateControl(), verdict_message(a_part()).model_copy(update={"deadline_ms": LINE_DEADLINE_MS})
    now_s, refused = 0.0, list[int]()
    for number in range(2000):
        now_s += 1.0 / control.fps
        is_refused = not control.is_measuring and control.fps > kept_fps
        refused += [number] if is_refused else []
        reason = Reason.OVERLOAD if is_refused else Reason.NO_DEFECT
        control.add(now_s - 0.08, now_s, verdict.model_copy(update={"reason": reason}))
    assert len(refused) <= 16
    assert len([number for number in refused if number >= 1000]) <= 3
    assert 0.4 * kept_fps <= control.fps <= kept_fps


def test_rate_is_not_raised_while_parts_wait_for_each_other() -> None:
    control, verdict = RateControl(), verdict_message(a_part()).model_copy(update={"deadline_ms": LINE_DEADLINE_MS})
    for second in range(MEASURED_PARTS):
        control.add(float(second), second + 0.1, verdict)
    started = control.fps
    for second in range(10, 40):
        control.add(float(second), second + 0.3, verdict)
    assert control.fps == started


def test_first_parts_go_one_at_a_time_with_time_enough() -> None:
    machine = Machine(3.0)
    assert (machine.control.most_open, machine.control.deadline_ms) == (1, MEASURING_DEADLINE_MS)
    machine.run(MEASURED_PARTS + 1)
    assert not machine.control.is_measuring
    assert machine.control.part_s == pytest.approx(3.0)
    assert machine.control.deadline_ms == pytest.approx(15_000.0)


def test_deadline_of_the_line_stands_on_a_machine_that_keeps_it() -> None:
    machine = Machine(0.1)
    machine.run(MEASURED_PARTS + 1)
    assert machine.control.deadline_ms is None


def test_rate_falls_when_the_machine_becomes_slower_and_rises_again() -> None:
    machine = Machine(0.1)
    machine.run(200)
    quick = machine.control.fps
    machine.part_s = 1.0
    machine.run(60)
    assert machine.control.fps < quick / 3
    assert machine.control.lowered > 0
    assert machine.refused < 10
    slow, machine.part_s = machine.control.fps, 0.1
    machine.run(200)
    assert machine.control.fps > 3 * slow


def test_rate_recovers_when_other_work_on_the_machine_has_ended() -> None:
    """Parts of a ladder take 0.1 to 0.9 s. For a while each one is nearly late, whatever the rate."""
    control, verdict = RateControl(), verdict_message(a_part()).model_copy(update={"deadline_ms": LINE_DEADLINE_MS})
    now_s = 0.0

    def judge(parts: int, busy: float) -> None:
        nonlocal now_s
        for number in range(parts):
            now_s += 1.0 / control.fps
            took_s = (0.1, 0.2, 0.3, 0.9 if busy > 1.0 else 0.45)[number % 4] * busy
            control.add(now_s - took_s, now_s, verdict)

    judge(40, 1.0)
    before = control.fps
    judge(60, 1.5)
    busy = control.fps
    judge(160, 1.0)
    assert busy < before / 2
    assert control.fps >= before


def test_parts_that_are_slow_whatever_the_rate_do_not_sink_it() -> None:
    """The demo once sank to 0.25 frames/s on a machine that took 0.3 s for most parts and 1 s for some."""
    machine, slowest = Machine(0.3), MAX_FPS
    for number in range(400):
        machine.part_s = 1.0 if number % 5 == 4 else 0.3
        machine.run(1)
        slowest = slowest if number < 2 * MEASURED_PARTS else min(slowest, machine.control.fps)
    assert slowest >= 0.7
    assert machine.refused <= 8


def test_refused_parts_of_the_old_rate_lower_it_once() -> None:
    machine = Machine(0.2)
    machine.run(20)
    before, verdict = machine.control.fps, verdict_message(a_part())
    refused = verdict.model_copy(update={"reason": Reason.OVERLOAD})
    for sent_s in (machine.now_s + 0.1, machine.now_s + 0.2, machine.now_s + 0.3):
        machine.control.add(sent_s, machine.now_s + 1.0, refused)
    assert machine.control.fps == pytest.approx(before / 2)


def test_overload_that_lasts_while_the_machine_is_measured_again_does_not_sink_the_rate() -> None:
    machine = Machine(0.3)
    machine.run(20)
    refused = verdict_message(a_part()).model_copy(update={"reason": Reason.OVERLOAD, "deadline_ms": LINE_DEADLINE_MS})
    while not machine.control.is_measuring:
        machine.now_s += 10.0
        machine.control.add(machine.now_s, machine.now_s + 0.1, refused)
    assert machine.control.part_s == pytest.approx(0.3), "what was measured before is known until the next measurement"
    judged = refused.model_copy(update={"reason": Reason.NO_DEFECT, "deadline_ms": MEASURING_DEADLINE_MS})
    still_refused = refused.model_copy(update={"deadline_ms": MEASURING_DEADLINE_MS})
    for number in range(MEASURED_PARTS):
        machine.now_s += 1.0
        machine.control.add(machine.now_s, machine.now_s + 0.3, judged if number % 2 else still_refused)
    assert machine.control.part_s == pytest.approx(0.3)
    assert machine.control.fps > 1.0


def test_rate_has_bounds() -> None:
    for part_s, bound in ((1e-6, MAX_FPS), (100.0, MIN_FPS)):
        machine = Machine(part_s)
        machine.run(MEASURED_PARTS + 1)
        assert machine.control.fps == bound
