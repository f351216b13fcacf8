"""The whole product on one machine: a broker, the service, and a virtual line of three products."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from inspector.commands.figures import figures
from inspector.commands.replay import nullwatch, run_lines
from inspector.commands.service import service
from inspector.commands.virtual_line import lines
from inspector.mqtt.broker import local_broker
from inspector.mqtt.line import Journey
from inspector.settings import Settings
from inspector.wire import Topics
from inspector.wiring import broker_of

Say = Callable[[str], None]
Watch = Callable[[Callable[[], list[Journey]]], AbstractContextManager[None]]


@contextmanager
def demo_service(settings: Settings, pipelines: Path, say: Say) -> Iterator[Settings]:
    """A broker and the service, both stopped at the end of the block."""
    folder = settings.data.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with local_broker(folder / "broker") as broker:
        say(f"broker: {broker.kind} on {broker.host}:{broker.port}")
        port = settings.console_port if _is_free(settings.console_port) else _any_free()
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
    watch: Watch = nullwatch,
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
            lines(seed, frames, hard=hard, run=run),
            fps,
            run,
            watch=watch,
        )
        if after:
            after(say)
        return figures(journeys) | {"start_s": round(started_s, 1), "first_verdict_s": _first_verdict(journeys, began)}


def hold(say: Say) -> None:
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


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _any_free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
