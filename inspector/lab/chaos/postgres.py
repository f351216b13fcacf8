"""A PostgreSQL server that can be killed, created in a folder of its own with the installed programs."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from inspector.errors import LedgerError

USER: Final = "inspector"
PROGRAMS: Final = ("initdb", "postgres", "pg_isready")
PROGRAM_GLOBS: Final = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql*/bin")
NOT_INSTALLED: Final = (
    "no PostgreSQL server is installed, and only one of its own can be killed; apt-get install postgresql, put its "
    "programs on PATH, or use --database sqlite"
)
OUTAGE_S: Final = 2.0
START_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.1
UNPRIVILEGED_USERS: Final = ("postgres", "nobody")  # accounts to run it as when we are root: PostgreSQL refuses root


class KillablePostgres:
    """A PostgreSQL server as a context manager, listening on a socket in its own folder only.

    Raises LedgerError when no server is installed or it does not start.
    """

    away_s = OUTAGE_S

    def __init__(self, log: Path) -> None:
        self._programs = programs()
        self._log = log
        self._folder = Path(tempfile.mkdtemp(prefix="chaos-pg-"))  # short: a socket path has 107 bytes at most
        self.url = f"postgresql://{USER}@/postgres?host={self._folder}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._make()
            self._start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._remove()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Kill the server with all sessions; restart it, with crash recovery, at the end of the block."""
        self._stop()
        try:
            yield
        finally:
            self._start()

    def _make(self) -> None:
        if servant := _servant():
            os.chown(self._folder, servant.pw_uid, servant.pw_gid)
        options = ["-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C"]
        made = self._run(["initdb", "-D", str(self._folder / "data"), *options])
        if made.returncode:
            raise LedgerError(f"PostgreSQL can't be set up: {made.stderr.strip()}; {NOT_INSTALLED}")

    def _start(self) -> None:
        place = ["-D", str(self._folder / "data"), "-k", str(self._folder), "-c", "listen_addresses="]
        command = [str(self._programs / "postgres"), *place, "-c", "max_connections=100"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self._folder, start_new_session=True, **_as_servant()
            )
        self._await_answer()

    def _await_answer(self) -> None:
        assert self._process is not None
        end = time.monotonic() + START_TIMEOUT_S
        while self._run(["pg_isready", "-q", "-h", str(self._folder), "-U", USER]).returncode:
            if self._process.poll() is not None or time.monotonic() > end:
                raise LedgerError(f"PostgreSQL did not start; see {self._log}")
            time.sleep(POLL_S)

    def _run(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        command = [str(self._programs / words[0]), *words[1:]]
        return subprocess.run(command, capture_output=True, text=True, cwd=self._folder, check=False, **_as_servant())

    def _stop(self) -> None:
        """Crash the server by an immediate shutdown, which leaves no child process."""
        if self._process:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()

    def _remove(self) -> None:
        self._stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def programs() -> Path:
    """Return the folder of the server's programs: on PATH, else the newest installed version. Raises LedgerError."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    folders += sorted((found for place in PROGRAM_GLOBS for found in Path("/").glob(place)), key=_version, reverse=True)
    for folder in folders:
        if all((folder / name).is_file() for name in PROGRAMS):
            return folder
    raise LedgerError(NOT_INSTALLED)


def _version(folder: Path) -> int:
    digits = "".join(each for each in folder.parent.name if each.isdigit())
    return int(digits or 0)


def _servant() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    known = {each.pw_name: each for each in pwd.getpwall()}
    return next(known[name] for name in UNPRIVILEGED_USERS if name in known)


def _as_servant() -> dict[str, Any]:
    servant = _servant()
    if servant is None:
        return {}
    return {"user": servant.pw_uid, "group": servant.pw_gid, "extra_groups": []}
