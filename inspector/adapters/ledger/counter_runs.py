"""Reads the runs of cameras' counters from the newest parts."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, func, select

from inspector.adapters.ledger.tables import is_numbered, parts
from inspector.domain.spans import Span
from inspector.ports.ledger import NewestRun

NEWEST_PARTS: Final = 10_000  # that are searched: a stopped process noted down its cameras a moment before


def newest_runs(connection: Connection) -> list[NewestRun]:
    """Return for each camera the run of its newest part, among the newest parts."""
    part = parts.c
    newest = func.coalesce(select(func.max(part.number)).scalar_subquery(), 0)
    sums = (func.min(part.seq).label("first"), func.max(part.number).label("latest"))
    each_run = select(part.line, part.camera, part.run, *sums).where(part.number > newest - NEWEST_PARTS, is_numbered)
    rows = connection.execute(each_run.group_by(part.line, part.camera, part.run).order_by(part.line, part.camera))
    cameras = groupby(rows, key=lambda row: (row.line, row.camera))
    return [_newest_of([*runs]) for _, runs in cameras]


def decided_seqs(connection: Connection, line: str, camera: str, run: int, span: Span) -> list[int]:
    """Return which of these numbers belong to parts, in ascending order."""
    part = parts.c
    its_run = (part.line == line, part.camera == camera, part.run == run, part.seq.between(*span))
    numbers = connection.scalars(select(part.seq).where(*its_run).order_by(part.seq).distinct())
    return [seq for seq in numbers if seq is not None]


def _newest_of(runs: list[Any]) -> NewestRun:
    latest = max(runs, key=lambda row: row.latest)
    return NewestRun(latest.line, latest.camera, latest.run, latest.first, max(row.run for row in runs))
