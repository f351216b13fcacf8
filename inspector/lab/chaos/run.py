"""One chaos run: a line runs, faults strike in turn, the service recovers from each, then the records are compared."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Set
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from inspector.adapters.mqtt.line_client import Journey
from inspector.domain.reconciliation import LOSS_WRITE_DELAY_S
from inspector.domain.sequence import LOST_AFTER_S
from inspector.lab.chaos.books import LineBooks, line_books
from inspector.lab.chaos.database import StoppableDatabase, stored_parts
from inspector.lab.chaos.load_generator import FAIL_SAFE_REASONS
from inspector.lab.chaos.processes import STATION, memory_growth_mib
from inspector.lab.chaos.report import InjectedFault, PartTrace, ReceivedVerdict, StoredPart
from inspector.lab.chaos.schedule import FaultKind, ScheduledFault, fault_schedule
from inspector.lab.chaos.testbed import CAMERA, LINE, RunOptions, Testbed, testbed

Say = Callable[[str], None]
RECOVERY_POLL_S: Final = 0.2
RECOVERY_TIMEOUT_S: Final = 120.0  # a busy machine starts the service within it
MIN_CALM_S: Final = 0.5  # pause between a recovery and the next fault
DRAIN_TIMEOUT_S: Final = 20.0


class ChaosRun(NamedTuple):
    """Every part with its outcome, every fault, and the books.

    `repeated` counts frames sent again after a broker kill, `restarts` how often the service had to be started again.
    """

    traces: list[PartTrace]
    strikes: list[InjectedFault]
    repeated: int
    restarts: int
    books: LineBooks


def run_chaos(orders: RunOptions, database: StoppableDatabase, folder: Path, say: Say) -> ChaosRun:
    """Run the line and inject all faults. Raises BrokerError or PoolError when the testbed does not start or the
    service ends.
    """
    run = f"chaos-{secrets.token_hex(3)}"
    say("starting broker and service")
    with testbed(orders, database, folder, run) as running:
        say(f"a line sends {orders.rate:g} frames/s")
        strikes = _strike_all(running, orders, say)
        running.load.stop()
        say("draining")
        running.load.drain(DRAIN_TIMEOUT_S)
        time.sleep(LOST_AFTER_S + LOSS_WRITE_DELAY_S)  # for the last losses to be booked
    traces = part_traces(running.load.journeys(), stored_parts(database.url, LINE), running.taken)
    withheld = running.load.numbers_lost + sum(trace.is_withheld for trace in traces)
    return ChaosRun(
        traces,
        strikes,
        running.load.repeated,
        running.service.restarts,
        line_books(database.url, LINE, CAMERA, withheld),
    )


def part_traces(
    journeys: Iterable[Journey], stored: dict[str, StoredPart], taken: Set[str] = frozenset()
) -> list[PartTrace]:
    """Join the parts that the broker accepted with their verdicts and stored records."""
    to_monotonic_s = time.monotonic() - time.time()
    return [
        PartTrace(
            journey.exposure.trigger_id,
            journey.sent_s,
            tuple(
                ReceivedVerdict(
                    at_s,
                    _seconds(verdict.decided_at) + to_monotonic_s,
                    verdict.result_id,
                    verdict.disposition,
                    verdict.reason not in FAIL_SAFE_REASONS,
                )
                for at_s, verdict in journey.verdicts
            ),
            stored.get(journey.exposure.trigger_id),
            journey.exposure.trigger_id in taken,
        )
        for journey in journeys
        if journey.accepted
    ]


def _strike_all(running: Testbed, orders: RunOptions, say: Say) -> list[InjectedFault]:
    began = time.monotonic()
    running.load.start()
    strikes = []
    for planned in fault_schedule(orders.faults, orders.kills, orders.duration_s, orders.seed):
        _rest_until(max(began + planned.at_s, time.monotonic() + MIN_CALM_S), running)
        strikes.append(_strike(running, planned, began, say))
    _rest_until(began + orders.duration_s, running)
    return strikes


def _strike(running: Testbed, planned: ScheduledFault, began: float, say: Say) -> InjectedFault:
    before = running.service.memory(STATION)
    with running.strike(planned):
        struck_s = time.monotonic()
        say(f"{struck_s - began:6.1f} s  {planned.fault}")
        time.sleep(running.lasts_s(planned.fault))
        ended_s = time.monotonic()
    recovered_s = _await_recovery(running)
    if planned.fault is FaultKind.BROKER:
        running.load.repeat(ended_s, running.taken)
    outcome = "not recovered" if recovered_s is None else f"recovered after {recovered_s - struck_s:.1f} s"
    say(f"{time.monotonic() - began:6.1f} s  {planned.fault}: {outcome}")
    grown = memory_growth_mib(before, running.service.memory(STATION))
    return InjectedFault(planned.fault, struck_s, ended_s, recovered_s, grown)


def _await_recovery(running: Testbed) -> float | None:
    """Return when frames were judged again and all processes ran; None after RECOVERY_TIMEOUT_S."""
    since = time.monotonic()
    while time.monotonic() < since + RECOVERY_TIMEOUT_S:
        running.service.supervise()
        if running.load.has_recovered(since) and running.service.is_whole():
            return time.monotonic()
        time.sleep(RECOVERY_POLL_S)
    return None


def _rest_until(moment: float, running: Testbed) -> None:
    while (left := moment - time.monotonic()) > 0.0:
        running.service.supervise()
        time.sleep(min(left, 1.0))


def _seconds(at: datetime) -> float:
    return at.timestamp()
