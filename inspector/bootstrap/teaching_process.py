"""Runs `inspector teach` as a child process of the service: at low priority, on one core, and killed on cancellation.

A process of its own keeps the features of two thousand pictures, and the interpreter's lock, away from live frames.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any, Final

from inspector.errors import InspectorError
from inspector.lines.jobs import JobProgress
from inspector.settings import S3_SETTINGS, Settings

COMMAND: Final = (sys.executable, "-m", "inspector", "teach")
OPTIONS: Final = ("--json", "--model-only", "--json-progress")
SETTINGS: Final = ("data", "database_url", "evidence_url", *S3_SETTINGS, "evidence_spool_mib", "model")
ONE_CORE: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
LOOK_S: Final = 0.5  # between two looks whether somebody cancelled
END_S: Final = 5.0  # that a cancelled process has to end
READ_BYTES: Final = 65_536
MAX_TEXT_CHARACTERS: Final = 4_000  # of what the process says other than its progress, the newest
MAX_REPORT_BYTES: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class TeachingProcess:
    """Teaches lines of one installation. The thread that calls it gives the child its priority."""

    settings: Settings
    command: Sequence[str] = COMMAND

    def teach(self, line: str, progress: JobProgress) -> Mapping[str, Any]:
        """Return the report. Raises InspectorError in the command's words, and JobCancelled."""
        with TemporaryFile() as out, self._running(line, out) as child:
            said = _follow(child, progress)
            child.wait()
            out.seek(0)
            return _report(out.read(MAX_REPORT_BYTES + 1), said)

    @contextmanager
    def _running(self, line: str, out: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
        with subprocess.Popen(
            [*self.command, line, *OPTIONS],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            env={**os.environ, **ONE_CORE, **_environment(self.settings)},
        ) as child:
            try:
                yield child
            finally:
                _end(child)


def _environment(settings: Settings) -> dict[str, str]:
    """Return what the command reads of the settings, as its environment."""
    values = {name: getattr(settings, name) for name in SETTINGS}
    return {f"INSPECTOR_{name.upper()}": "" if value is None else str(value) for name, value in values.items()}


def _follow(child: subprocess.Popen[bytes], progress: JobProgress) -> str:
    """Report the child's progress until it closes its standard error; return what else it wrote there."""
    said, rest = "", b""
    assert child.stderr is not None
    with selectors.DefaultSelector() as ready:
        ready.register(child.stderr, selectors.EVENT_READ)
        while True:
            progress.check()
            if not ready.select(LOOK_S):
                continue
            found = os.read(child.stderr.fileno(), READ_BYTES)
            *lines, rest = (rest + found).split(b"\n")
            for each in lines if found else [*lines, rest]:
                said = (said + _words(each, progress))[-MAX_TEXT_CHARACTERS:]
            if not found:
                return said
            rest = rest[-READ_BYTES:]


def _words(line: bytes, progress: JobProgress) -> str:
    """Report a line of progress; return any other one."""
    try:
        step = json.loads(line)
        progress.report(int(step["done"]), int(step["total"]))
    except (ValueError, TypeError, KeyError):
        return f"{line.decode(errors='replace')}\n"
    return ""


def _report(text: bytes, said: str) -> Mapping[str, Any]:
    """Read the report, which also a refused result has. An AUROC of one kind of parts, NaN, becomes null."""
    try:
        found = json.loads(text, parse_constant=lambda _name: None)
    except ValueError as error:
        raise InspectorError(said.strip().removeprefix("error: ") or "teaching ended without a report") from error
    if not isinstance(found, dict):
        raise InspectorError("teaching ended with no report; see the service's log")
    return found


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
    try:
        child.wait(END_S)
    except subprocess.TimeoutExpired:
        child.kill()
