"""The service under test: `inspector serve` as a child process, and the processes that Ray Serve starts below it.

Finds them by name, kills and freezes them, and fills their disk. Starts the service again when it ends, as a plant's
supervisor does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from inspector.adapters.mqtt.local.child_process import tied_command
from inspector.errors import PoolError

SITE: Final = "chaos"
STATION: Final = f"ServeReplica:{SITE}-stations"
REPLICA: Final = f"ServeReplica:{SITE}-models"
GCS: Final = "gcs/gcs_server"
RAYLET: Final = "raylet/raylet "
SERVE: Final = "from inspector.cli.app import main; main()"
STOP_TIMEOUT_S: Final = 60.0
CHILD_EXIT_TIMEOUT_S: Final = 5.0
MIB: Final = 2**20
QUOTED_LOG_CHARACTERS: Final = 2000  # end of the log that an error quotes


class ServiceProcesses:
    """The service as a context manager: started on entry, stopped on exit with every process that it started.

    `environment` holds INSPECTOR_… variables; `replicas` is the number of model replicas.
    """

    def __init__(self, environment: Mapping[str, str], pipelines: Path, log: Path, replicas: int) -> None:
        self._environment = os.environ | environment
        self._command = tied_command([sys.executable, "-c", SERVE, "serve", "--pipelines", str(pipelines)])
        self._log = log
        self._strength = {STATION: 1, REPLICA: replicas}
        self._process: subprocess.Popen[bytes] | None = None
        self._known: list[psutil.Process] = []
        self.restarts = 0

    def __enter__(self) -> Self:
        self._start()
        return self

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C stops the line first, then the service
            )

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process is not None
        family = self._family()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _end(family)

    def check(self) -> None:
        """Raise PoolError with the end of the log if the service has ended."""
        assert self._process is not None
        if (status := self._process.poll()) is not None:
            log_end = self._log.read_text(errors="replace")[-QUOTED_LOG_CHARACTERS:]
            raise PoolError(f"the service ended with exit status {status}; {self._log} ends with:\n{log_end}")

    def supervise(self) -> None:
        """Start the service again if it has ended; call it from the thread that started it."""
        assert self._process is not None
        if self._process.poll() is not None:
            _end(self._known)
            self.restarts += 1
            self._start()

    def run_command(self, *arguments: str) -> None:
        """Run an `inspector` command on the service's installation. Raises PoolError with its output if it fails."""
        command = [sys.executable, "-c", SERVE, *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PoolError(f"inspector {' '.join(arguments)} failed: {done.stderr[-QUOTED_LOG_CHARACTERS:]}")

    def members(self, kind: str) -> list[psutil.Process]:
        """Return the processes whose name contains `kind`, oldest first."""
        return sorted((each for each in self._family() if kind in _name(each)), key=lambda each: each.pid)

    def whole_family(self) -> list[psutil.Process]:
        """Return the command's process and all that it started."""
        assert self._process is not None
        return [psutil.Process(self._process.pid), *self._family()] if self._process.poll() is None else []

    def is_whole(self) -> bool:
        """Return whether the expected number of processes of each kind runs."""
        return all(len(self.members(kind)) >= count for kind, count in self._strength.items())

    def memory(self, kind: str) -> dict[int, int]:
        """Return the resident memory, in bytes, of each process of this kind by its id."""
        return {each.pid: _resident_bytes(each) for each in self.members(kind)}

    @contextmanager
    def killed(self, kind: str, lot: float) -> Iterator[str]:
        """Kill one process of this kind with SIGKILL; replacing it is the service's task."""
        victim = self._draw(kind, lot)
        _signal(victim, signal.SIGKILL)
        yield f"process {victim.pid}"

    @contextmanager
    def killed_whole(self) -> Iterator[None]:
        """Kill every process of the service with SIGKILL, as a power failure does; `supervise` starts it again."""
        assert self._process is not None
        victims = self._family()
        self._process.kill()
        self._process.wait()
        for each in victims:
            _signal(each, signal.SIGKILL)
        yield

    @contextmanager
    def without_space(self, kind: str) -> Iterator[None]:
        """Let every write to a file fail in the processes of this kind.

        A limit of 0 bytes for a file stands for the full disk: a disk of its own would need the right to mount one.
        """
        members = self.members(kind)
        before = {each: each.rlimit(psutil.RLIMIT_FSIZE) for each in members}
        try:
            for each, (_, hard) in before.items():
                each.rlimit(psutil.RLIMIT_FSIZE, (0, hard))
            yield
        finally:
            for each, limits in before.items():
                with contextlib.suppress(psutil.NoSuchProcess):  # it may have been replaced
                    each.rlimit(psutil.RLIMIT_FSIZE, limits)

    @contextmanager
    def frozen(self, kind: str, lot: float) -> Iterator[str]:
        """Stop one process of this kind with SIGSTOP; its connections stay open."""
        victim = self._draw(kind, lot)
        with frozen_process(victim.pid):
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
            self._known = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        return self._known


@contextmanager
def frozen_process(pid: int) -> Iterator[None]:
    """Stop a process with SIGSTOP for the length of the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):  # its supervisor may have replaced it
            os.kill(pid, signal.SIGCONT)


def _name(process: psutil.Process) -> str:
    """Return the command line, where Ray writes what a worker does; empty for a process that has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def memory_growth_mib(before: Mapping[int, int], after: Mapping[int, int]) -> float | None:
    """Return by how much the processes that still run have grown; None if none does."""
    same = before.keys() & after.keys()
    return round(sum(after[pid] - before[pid] for pid in same) / MIB, 1) if same else None


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _end(processes: Sequence[psutil.Process]) -> None:
    """Give processes a moment to end, then kill those that are left."""
    _, left = psutil.wait_procs(processes, timeout=CHILD_EXIT_TIMEOUT_S)
    for each in left:
        _signal(each, signal.SIGKILL)


def _signal(process: psutil.Process, what: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(what)
