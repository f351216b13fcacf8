"""Run a chaos test with a plant of its own, and sum it up."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from inspector.errors import InspectorError
from inspector.lab.chaos.database import LockableSqlite, StoppableDatabase
from inspector.lab.chaos.postgres import KillablePostgres
from inspector.lab.chaos.report import fault_report
from inspector.lab.chaos.report_document import report_document
from inspector.lab.chaos.run import run_chaos
from inspector.lab.chaos.testbed import RunOptions
from inspector.operations.bench_service import stub_card
from inspector.operations.progress import Notify
from inspector.operations.signals import interrupt_on_signals

DatabaseKind = Literal["sqlite", "postgresql"]


def chaos_test(options: RunOptions, kind: DatabaseKind, folder: Path | None, notify: Notify) -> dict[str, Any]:
    """Run a chaos test in a new or empty folder; None: in a temporary one. Returns its figures, ready for JSON.

    Every process that it started has ended when it returns or raises. Raises InspectorError.
    """
    with interrupt_on_signals(), empty_folder(folder) as place, plant_database(kind, place) as database:
        options = replace(options, model=options.model or stub_card(place))
        done = run_chaos(options, database, place, notify)
    deadline_s = options.deadline_ms / 1000.0
    summed = fault_report(done.traces, done.strikes, deadline_s)
    about = {"seed": options.seed, "rate": options.rate, "database": kind}
    counted = {"repeated": done.repeated, "restarts": done.restarts}
    return report_document(summed, done.traces, done.strikes, deadline_s, done.books) | about | counted


@contextmanager
def plant_database(kind: DatabaseKind, place: Path) -> Iterator[StoppableDatabase]:
    if kind == "sqlite":
        yield LockableSqlite(place / "data" / "inspector.db")
    else:
        with KillablePostgres(place / "postgres") as server:
            yield server


@contextmanager
def empty_folder(folder: Path | None) -> Iterator[Path]:
    """An empty folder, so that parts of an earlier test are not counted. Raises InspectorError for any other."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="inspector-chaos-") as temporary:
            yield Path(temporary)
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InspectorError(f"--folder {folder} is not empty; name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    yield folder.absolute()
