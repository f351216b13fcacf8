"""The service under test: `inspector serve` in a process of its own, and the processes that Ray Serve made in it.

Knows how to find them by name, to kill and to freeze them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from inspector.adapters.mqtt.local.child_process import leashed
from inspector.errors import PoolError

STATION: Final = "ServeReplica:stations"
REPLICA: Final = "ServeReplica:models"
SERVE: Final = "from inspector.cli.app import main; main()"
STOP_S: Final = 60.0
LINGER_S: Final = 5.0
TOLD: Final = 2000  # characters of the log that an error quotes


class Crew:
    """Use it as a context manager: the service is started, and stopped with all that it started. `environment` are
    INSPECTOR_… variables; `replicas` is how many model replicas there should be."""

    def __init__(self, environment: Mapping[str, str], pipelines: Path, log: Path, replicas: int) -> None:
        self._environment = os.environ | environment
        self._command = leashed([sys.executable, "-c", SERVE, "serve", "--pipelines", str(pipelines)])
        self._log = log
        self._strength = {STATION: 1, REPLICA: replicas}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches us first: we stop the line before the service
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process is not None
        family = self._family()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _, left = psutil.wait_procs(family, timeout=LINGER_S)
        for each in left:
            _signal(each, signal.SIGKILL)

    def check(self) -> None:
        """Raises PoolError with the end of its log when the service has ended."""
        assert self._process is not None
        if (status := self._process.poll()) is not None:
            said = self._log.read_text(errors="replace")[-TOLD:]
            raise PoolError(f"the service ended with exit status {status}; {self._log} ends with:\n{said}")

    def members(self, kind: str) -> list[psutil.Process]:
        """The processes whose name holds `kind`, the oldest first."""
        return sorted((each for each in self._family() if kind in _name(each)), key=lambda each: each.pid)

    def is_whole(self) -> bool:
        """Whether as many processes of each kind run as should."""
        return all(len(self.members(kind)) >= count for kind, count in self._strength.items())

    @contextmanager
    def killed(self, kind: str, lot: float) -> Iterator[str]:
        """kill -9 of one of them; replacing it is the service's business."""
        victim = self._draw(kind, lot)
        _signal(victim, signal.SIGKILL)
        yield f"process {victim.pid}"

    @contextmanager
    def frozen(self, kind: str, lot: float) -> Iterator[str]:
        """One of them stands still, with all its connections open."""
        victim = self._draw(kind, lot)
        with frozen(victim.pid):
            yield f"process {victim.pid}"

    def _draw(self, kind: str, lot: float) -> psutil.Process:
        members = self.members(kind)
        if not members:
            self.check()
            raise PoolError(f"no process {kind} runs, so none can fail; see {self._log}")
        return members[int(lot * len(members))]

    def _family(self) -> list[psutil.Process]:
        assert self._process is not None
        try:
            return psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process stands still for the length of the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):  # whoever watches it may have replaced it
            os.kill(pid, signal.SIGCONT)


def _name(process: psutil.Process) -> str:
    """Ray writes what a worker does into its command line; empty for one that is gone."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _signal(process: psutil.Process, what: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(what)
