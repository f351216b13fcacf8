"""The processes of the service under test: killed whole, without disk space, and started again when they end."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from inspector.lab.chaos import processes
from inspector.lab.chaos.processes import ServiceProcesses, memory_growth_mib

CHILD = "import time; time.sleep(600)  # the station"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}])
child.wait()
"""


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceProcesses]:
    """A program with one child in place of the service."""
    monkeypatch.setattr(processes, "SERVE", PARENT)
    with ServiceProcesses({}, tmp_path, tmp_path / "log", 1) as running:
        until(lambda: running.members("the station"))
        yield running


def until(done: Callable[[], object], limit_s: float = 30.0) -> None:
    end = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are tied on Linux only")
def test_service_that_was_killed_whole_is_started_again(service: ServiceProcesses) -> None:
    before = {each.pid for each in service.members("the station")}
    service.supervise()
    assert service.restarts == 0
    with service.killed_whole():
        until(lambda: not any(map(psutil.pid_exists, before)))
    service.supervise()
    until(lambda: service.members("the station"))
    assert service.restarts == 1
    assert not before & {each.pid for each in service.members("the station")}


@pytest.mark.skipif(not hasattr(psutil, "RLIMIT_FSIZE"), reason="limits of other processes exist on Linux only")
def test_process_without_space_can_write_again_afterwards(service: ServiceProcesses) -> None:
    before = [each.rlimit(resource.RLIMIT_FSIZE) for each in service.members("the station")]
    with service.without_space("the station"):
        assert {each.rlimit(resource.RLIMIT_FSIZE)[0] for each in service.members("the station")} == {0}
    assert [each.rlimit(resource.RLIMIT_FSIZE) for each in service.members("the station")] == before


@pytest.mark.skipif(not hasattr(psutil, "RLIMIT_FSIZE"), reason="limits of other processes exist on Linux only")
def test_write_of_a_process_without_space_is_an_error_and_does_not_end_it(tmp_path: Path) -> None:
    program = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
try:
    with open({str(tmp_path / "file")!r}, "wb", buffering=0) as file:
        file.write(b"x")
except OSError as error:
    print(type(error).__name__, "goes on")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "OSError goes on")


@pytest.mark.parametrize(
    ("before", "after", "grown"),
    [
        ({1: 100 << 20}, {1: 130 << 20}, 30.0),
        ({1: 100 << 20, 2: 50 << 20}, {2: 60 << 20, 3: 10 << 20}, 10.0),
        ({1: 100 << 20}, {2: 10 << 20}, None),
    ],
)
def test_memory_growth_is_that_of_processes_that_still_run(
    before: dict[int, int], after: dict[int, int], grown: float | None
) -> None:
    assert memory_growth_mib(before, after) == grown
