"""Run everything on one machine: a broker, the service, and simulated lines of three products."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inspector.access.addresses import is_loopback
from inspector.adapters.mqtt.line_client import Journey
from inspector.adapters.mqtt.local.broker import free_port, local_broker
from inspector.bootstrap.from_settings import broker_of
from inspector.errors import BrokerError
from inspector.lab.synthetic import PRODUCTS
from inspector.messages.topics import Topics
from inspector.operations.progress import Notify
from inspector.operations.replay import ProgressView, no_progress_view, run_lines
from inspector.operations.run_statistics import run_statistics
from inspector.operations.send_rate import FixedRate, MeasuredRate
from inspector.operations.service import service
from inspector.operations.start_phases import StartPhases
from inspector.operations.virtual_line import virtual_lines
from inspector.settings import Settings


def demo_settings(settings: Settings) -> Settings:
    """Return the settings of a demo: its ledger, pictures and logs are its own, whatever this installation uses.

    On loopback it asks nobody to log in.
    """
    login = "off" if is_loopback(settings.console_host) else settings.login
    return settings.apart(settings.data / "demo", login=login)


@contextmanager
def demo_service(
    settings: Settings, pipelines: Path, lines: Collection[str], notify: Notify, phases: StartPhases | None = None
) -> Iterator[Settings]:
    """Run a broker, and the service of these lines, for the length of the block; yields the settings in use."""
    folder = settings.data.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with local_broker(folder / "broker") as broker:
        notify(f"broker: {broker.kind} on {broker.host}:{broker.port}")
        port = _free_port(settings.console_host, settings.console_port)
        settings = settings.model_copy(
            update={
                "broker_host": broker.host,
                "broker_port": broker.port,
                "broker_protocol": "5",
                "broker_tls": False,
                "console_port": port,
            }
        )
        notify("starting Ray Serve: stations, model replicas, console")
        with service(settings, pipelines, apply_lines=lines, drill=True, visitor_name="demo", phases=phases) as running:
            notify(f"console: {running.console_url}")
            yield running


def run_demo(
    settings: Settings,
    pipelines: Path,
    *,
    frames: int | None,
    fps: float | None,
    seed: int,
    hard: float,
    notify: Notify,
    view: ProgressView = no_progress_view,
    after: Callable[[Notify], None] | None = None,
) -> dict[str, Any]:
    """Run the demo until its frames are judged or Ctrl-C, then `after` with the service still up.

    Without `fps` it sends at the rate that this machine keeps. Returns the statistics of the run.
    """
    measured = MeasuredRate(notify)
    began_s, phases = time.monotonic(), StartPhases()
    with demo_service(settings, pipelines, PRODUCTS, notify, phases) as running:
        start_s = time.monotonic() - began_s
        run = f"demo-{secrets.token_hex(3)}"
        journeys = run_lines(
            broker_of(running),
            Topics(running.topic_root),
            virtual_lines(seed, frames, hard=hard, run=run),
            measured if fps is None else FixedRate(fps),
            run,
            view=view,
        )
        if after:
            after(notify)
        first_verdict_s = _first_verdict_s(journeys, began_s)
        start = {"start_s": round(start_s, 1), "start_phases_s": phases.seconds(), "first_verdict_s": first_verdict_s}
        return run_statistics(journeys) | start | {"rate": measured.figures() if fps is None else {"fps": fps}}


def wait_for_interrupt(notify: Notify) -> None:
    """Block until Ctrl-C."""
    notify("running; press Ctrl-C to stop")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        notify("stopping")


def _first_verdict_s(journeys: list[Journey], began_s: float) -> float | None:
    """Seconds from the start of the demo to the first verdict at the gate."""
    return min((round(journey.verdicts[0][0] - began_s, 1) for journey in journeys if journey.verdicts), default=None)


def _free_port(host: str, wanted: int) -> int:
    """The wanted port, or any free one if it is taken: a demo should not fail for it."""
    try:
        return free_port(host, wanted)
    except BrokerError:
        return free_port(host, 0)
