"""The whole product on one machine: a broker, the service, and a virtual line of three products."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inspector.adapters.mqtt.line_client import Journey
from inspector.adapters.mqtt.local.broker import free_port, local_broker
from inspector.bootstrap.wiring import broker_of
from inspector.errors import BrokerError
from inspector.messages.topics import Topics
from inspector.operations.replay import ProgressView, no_progress_view, run_lines
from inspector.operations.run_statistics import run_statistics
from inspector.operations.service import service
from inspector.operations.virtual_line import virtual_lines
from inspector.settings import Settings

Say = Callable[[str], None]


@contextmanager
def demo_service(settings: Settings, pipelines: Path, say: Say) -> Iterator[Settings]:
    """A broker and the service, both stopped at the end of the block."""
    folder = settings.data.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with local_broker(folder / "broker") as broker:
        say(f"broker: {broker.kind} on {broker.host}:{broker.port}")
        port = _port(settings.console_host, settings.console_port)
        settings = settings.model_copy(
            update={
                "broker_host": broker.host,
                "broker_port": broker.port,
                "console_port": port,
            }
        )
        say("starting Ray Serve: stations, model replicas, console")
        with service(settings, pipelines, always_apply=True) as running:
            say(f"console: {running.console_url}")
            yield running


def run_demo(
    settings: Settings,
    pipelines: Path,
    *,
    frames: int | None,
    fps: float,
    seed: int,
    hard: float,
    say: Say,
    watch: ProgressView = no_progress_view,
    after: Callable[[Say], None] | None = None,
) -> dict[str, Any]:
    """Runs the demo until its frames are judged or Ctrl-C, then what `after` does with the service still up; returns
    the run's figures."""
    began = time.monotonic()
    with demo_service(settings, pipelines, say) as running:
        started_s = time.monotonic() - began
        run = f"demo-{secrets.token_hex(3)}"
        journeys = run_lines(
            broker_of(running),
            Topics(running.topic_root),
            virtual_lines(seed, frames, hard=hard, run=run),
            fps,
            run,
            watch=watch,
        )
        if after:
            after(say)
        return run_statistics(journeys) | {
            "start_s": round(started_s, 1),
            "first_verdict_s": _first_verdict(journeys, began),
        }


def wait_for_interrupt(say: Say) -> None:
    """Keeps the service up until Ctrl-C."""
    say("running; press Ctrl-C to stop")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        say("stopping")


def _first_verdict(journeys: list[Journey], began: float) -> float | None:
    """Seconds from the start of everything to the first verdict at the gate."""
    return min((round(journey.verdicts[0][0] - began, 1) for journey in journeys if journey.verdicts), default=None)


def _port(host: str, wanted: int) -> int:
    """The port wanted, or any free one where that is taken: a demo should not fail for it."""
    try:
        return free_port(host, wanted)
    except BrokerError:
        return free_port(host, 0)
