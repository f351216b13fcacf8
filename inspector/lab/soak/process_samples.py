"""What each process of the plant holds at a moment: resident memory, handles, threads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from inspector.lab.chaos.processes import MIB

MAX_NAME_CHARACTERS: Final = 40
# text in a command line, what the process is called, and whether it runs this product's code
ROLES: Final = (
    ("ServeReplica:chaos-stations", "station", True),
    ("ServeReplica:chaos-models", "model replica", True),
    ("ServeReplica:chaos-console", "console", True),
    ("inspector.cli.app", "inspector serve", True),
    ("mosquitto", "broker", False),
    ("raylet/raylet ", "Ray raylet", False),
    ("gcs/gcs_server", "Ray GCS", False),
    ("ServeController", "Ray Serve controller", False),
    ("ProxyActor", "Ray Serve proxy", False),
    ("DashboardAgent", "Ray dashboard agent", False),
    ("dashboard/dashboard", "Ray dashboard", False),
    ("RuntimeEnvAgent", "Ray environment agent", False),
    ("log_monitor", "Ray log monitor", False),
    ("autoscaler/", "Ray autoscaler", False),
    ("ray::IDLE", "Ray idle worker", False),
)


@dataclass(frozen=True, slots=True)
class ProcessSample:
    """One process at `at_s` seconds of the run. `is_own`: it runs this product's code."""

    at_s: float
    pid: int
    name: str
    is_own: bool
    memory_mib: float
    handles: int
    threads: int


def sample_processes(processes: Iterable[psutil.Process], at_s: float) -> list[ProcessSample]:
    """Return a sample of each process that still runs."""
    return [sample for each in processes if (sample := _sample(each, at_s)) is not None]


def _sample(process: psutil.Process, at_s: float) -> ProcessSample | None:
    try:
        with process.oneshot():
            name, is_own = role_of(process.cmdline())
            memory_mib = process.memory_info().rss / MIB
            return ProcessSample(at_s, process.pid, name, is_own, memory_mib, process.num_fds(), process.num_threads())
    except psutil.Error:
        return None


def role_of(command_line: Sequence[str]) -> tuple[str, bool]:
    """Return what a process is called, and whether it runs this product's code."""
    text = " ".join(command_line)
    for part, name, is_own in ROLES:
        if part in text:
            return name, is_own
    return " ".join(Path(word).name for word in command_line[:2])[:MAX_NAME_CHARACTERS], False
