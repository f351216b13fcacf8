"""The story of a drill: a line runs, faults strike one after another, the service recovers from each, and in the end
three ledgers are compared.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from inspector.adapters.mqtt.line_client import Journey
from inspector.lab.chaos.database import Database, stored_parts
from inspector.lab.chaos.plant import LINE, Orders, Plant, plant
from inspector.lab.chaos.schedule import Fault, Planned, schedule
from inspector.lab.chaos.tally import Heard, Stored, Strike, Trail

Say = Callable[[str], None]
POLL_S: Final = 0.2
RECOVERY_S: Final = 60.0
BREATH_S: Final = 0.5  # of calm between a recovery and the next fault
DRAIN_S: Final = 20.0


class Drill(NamedTuple):
    """What happened: every part with what became of it, and every fault. `repeated` counts frames that the line sent
    again because the broker had forgotten them."""

    trails: list[Trail]
    strikes: list[Strike]
    repeated: int


def drill(orders: Orders, database: Database, folder: Path, say: Say) -> Drill:
    """Runs it all; Raises BrokerError or PoolError when the plant does not start or the service ends for good."""
    run = f"chaos-{secrets.token_hex(3)}"
    say("starting broker and service")
    with plant(orders, database, folder, run) as running:
        say(f"a line sends {orders.rate:g} frames/s")
        strikes = _strike_all(running, orders, say)
        running.feed.stop()
        say("draining")
        running.feed.drain(DRAIN_S)
    return Drill(trails(running.feed.journeys(), stored_parts(database.url, LINE)), strikes, running.feed.repeated)


def trails(journeys: Iterable[Journey], stored: dict[str, Stored]) -> list[Trail]:
    """The parts that the broker accepted, beside what became of them."""
    to_monotonic_s = time.monotonic() - time.time()
    return [
        Trail(
            journey.exposure.trigger_id,
            journey.sent_s,
            tuple(
                Heard(at_s, _seconds(verdict.decided_at) + to_monotonic_s, verdict.result_id, verdict.disposition)
                for at_s, verdict in journey.verdicts
            ),
            stored.get(journey.exposure.trigger_id),
        )
        for journey in journeys
        if journey.accepted
    ]


def _strike_all(running: Plant, orders: Orders, say: Say) -> list[Strike]:
    began = time.monotonic()
    running.feed.start()
    strikes = []
    for planned in schedule(orders.faults, orders.kills, orders.duration_s, orders.seed):
        _rest_until(max(began + planned.at_s, time.monotonic() + BREATH_S), running)
        strikes.append(_strike(running, planned, began, say))
    _rest_until(began + orders.duration_s, running)
    return strikes


def _strike(running: Plant, planned: Planned, began: float, say: Say) -> Strike:
    with running.strike(planned):
        struck_s = time.monotonic()
        say(f"{struck_s - began:6.1f} s  {planned.fault}")
        time.sleep(running.lasts_s(planned.fault))
        ended_s = time.monotonic()
    recovered_s = _await_recovery(running)
    if planned.fault is Fault.BROKER:
        running.feed.repeat(ended_s)
    told = "not recovered" if recovered_s is None else f"recovered after {recovered_s - struck_s:.1f} s"
    say(f"{time.monotonic() - began:6.1f} s  {planned.fault}: {told}")
    return Strike(planned.fault, struck_s, ended_s, recovered_s)


def _await_recovery(running: Plant) -> float | None:
    """When frames sent from now on were judged again and all processes were there; None after RECOVERY_S."""
    since = time.monotonic()
    while time.monotonic() < since + RECOVERY_S:
        running.crew.check()
        if running.feed.has_recovered(since) and running.crew.is_whole():
            return time.monotonic()
        time.sleep(POLL_S)
    return None


def _rest_until(moment: float, running: Plant) -> None:
    while (left := moment - time.monotonic()) > 0.0:
        running.crew.check()
        time.sleep(min(left, 1.0))


def _seconds(at: datetime) -> float:
    return at.timestamp()
