"""`inspector chaos`: a run_chaos with a plant of its own, told on the way and summed up as a table or JSON."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

from rich.table import Table

from inspector.errors import InspectorError
from inspector.lab.chaos.database import LockableSqlite, StoppableDatabase
from inspector.lab.chaos.postgres import KillablePostgres
from inspector.lab.chaos.report import fault_report
from inspector.lab.chaos.report_document import report_document
from inspector.lab.chaos.run import run_chaos
from inspector.lab.chaos.testbed import RunOptions
from inspector.operations.bench_service import CARD
from inspector.operations.signals import interrupt_on_signals

Say = Callable[[str], None]
DatabaseKind = Literal["sqlite", "postgresql"]
COLUMNS: Final = {
    "strikes": "hits",
    "frames": "frames",
    "verdicts": "heard",
    "lost": "lost",
    "decided_twice": "twice",
    "published_twice": "again",
    "wrong_pass": "wrong\nPASS",
    "late": "late",
    "late_pass": "late\nPASS",
    "longest_gap_s": "gap s",
    "longest_recovery_s": "back s",
}
CAPTION: Final = (
    "twice: decided twice; again: the same verdict heard again; gap, back: the longest silence at the gate and the "
    "longest recovery"
)
FAILURES: Final = ("lost", "decided_twice", "wrong_pass", "late_pass")


def chaos(orders: RunOptions, kind: DatabaseKind, folder: Path | None, say: Say) -> dict[str, Any]:
    """Run all faults in a new or empty folder; None: a temporary one, removed afterwards.

    Everything that was started has ended when this returns or raises. Raises InspectorError.
    """
    with interrupt_on_signals(), _place(folder) as place, _database(kind, place) as database:
        if orders.model is None:
            card = place / "stub.yaml"
            card.write_text(CARD)
            orders = replace(orders, model=card)
        done = run_chaos(orders, database, place, say)
    deadline_s = orders.deadline_ms / 1000.0
    summed = fault_report(done.traces, done.strikes, deadline_s)
    told = {"seed": orders.seed, "rate": orders.rate, "database": kind, "repeated": done.repeated}
    return report_document(summed, done.traces, done.strikes, deadline_s) | told


def table(result: dict[str, Any]) -> Table:
    """One row a fault, and their sum."""
    drawn = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", caption=CAPTION, caption_justify="left")
    drawn.add_column("fault", no_wrap=True)
    for title in COLUMNS.values():
        drawn.add_column(title, justify="right")
    for name, counts in result["faults"].items():
        drawn.add_row(name, *(_cell(column, counts.get(column)) for column in COLUMNS))
    drawn.add_section()
    drawn.add_row("all", *(_cell(column, result.get(column)) for column in COLUMNS))
    return drawn


def _cell(column: str, value: Any) -> str:
    text = "-" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)
    return f"[red]{text}[/]" if column in FAILURES and value else text


@contextmanager
def _database(kind: DatabaseKind, place: Path) -> Iterator[StoppableDatabase]:
    if kind == "sqlite":
        yield LockableSqlite(place / "data" / "inspector.db")
    else:
        with KillablePostgres(place / "postgres") as server:
            yield server


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    """Empty, so that no earlier run_chaos's parts are taken for this one's."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="inspector-chaos-") as made:
            yield Path(made)
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InspectorError(f"--folder {folder} is not empty; name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    yield folder.absolute()
