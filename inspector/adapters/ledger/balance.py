"""Reads the figures of a line's balance; `domain/reconciliation.py` adds them up."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from inspector.adapters.ledger.rows import count_of
from inspector.adapters.ledger.tables import counts, is_numbered, is_waiting, losses, outbox, parts
from inspector.domain.part import PartState
from inspector.domain.reconciliation import (
    Balance,
    CountComparison,
    CounterRange,
    Gap,
    SequenceHole,
    camera_account,
)


def balance(connection: Connection, line: str, now: datetime, settled: datetime) -> Balance:
    """Return the balance of this line. Holes whose next part was received after `settled` are in flight."""
    decided = _decided_by_camera(connection, line)
    ranges, holes, gaps = _ranges(connection, line), _holes(connection, line), _gaps(connection, line)
    states = _states(connection, line)
    return Balance(
        line=line,
        at=now,
        cameras=tuple(
            camera_account(camera, decided.get(camera, 0), ranges[camera], holes[camera], gaps[camera], settled)
            for camera in sorted(decided.keys() | gaps.keys())
        ),
        decided=sum(decided.values()),
        published=states.get(PartState.PUBLISHED, 0) + states.get(PartState.ACKNOWLEDGED, 0),
        acknowledged=states.get(PartState.ACKNOWLEDGED, 0),
        pending=_pending(connection, line),
        compared=_newest_comparisons(connection, line),
    )


def _decided_by_camera(connection: Connection, line: str) -> dict[str, int]:
    counted = select(parts.c.camera, func.count().label("parts")).where(parts.c.line == line).group_by(parts.c.camera)
    return {row.camera: row.parts for row in connection.execute(counted)}


def _states(connection: Connection, line: str) -> dict[str, int]:
    counted = select(parts.c.state, func.count().label("parts")).where(parts.c.line == line).group_by(parts.c.state)
    return {row.state: row.parts for row in connection.execute(counted)}


def _pending(connection: Connection, line: str) -> int:
    waiting = select(func.count()).select_from(outbox)
    waiting = waiting.where(outbox.c.line == line, outbox.c.confirms, is_waiting)
    return connection.scalar(waiting) or 0


def _newest_comparisons(connection: Connection, line: str) -> tuple[CountComparison, ...]:
    compared = (counts.c.line == line, counts.c.decided.is_not(None))
    newest = select(func.max(counts.c.number)).where(*compared).group_by(counts.c.camera)
    rows = connection.execute(select(counts).where(counts.c.number.in_(newest)).order_by(counts.c.camera))
    return tuple(CountComparison(count_of(row), row.decided, row.lost) for row in rows)


def _ranges(connection: Connection, line: str) -> dict[str, list[CounterRange]]:
    """Return the lowest and the highest number of each run's parts, by camera."""
    part = parts.c
    ends = select(part.camera, part.run, func.min(part.seq).label("first"), func.max(part.seq).label("last"))
    ranges: dict[str, list[CounterRange]] = defaultdict(list)
    for row in connection.execute(ends.where(part.line == line, is_numbered).group_by(part.camera, part.run)):
        ranges[row.camera].append(CounterRange(row.run, row.first, row.last))
    return ranges


def _gaps(connection: Connection, line: str) -> dict[str, list[Gap]]:
    """Return recorded losses by camera."""
    gaps: dict[str, list[Gap]] = defaultdict(list)
    numbered = losses.c.run.is_not(None)
    for row in connection.execute(select(losses).where(losses.c.line == line, numbered).order_by(losses.c.number)):
        gaps[row.camera].append(Gap(row.first_seq, row.last_seq, row.at, row.run))
    return gaps


def _holes(connection: Connection, line: str) -> dict[str, list[SequenceHole]]:
    """Return the numbers missing between two parts of a run, by camera."""
    holes: dict[str, list[SequenceHole]] = defaultdict(list)
    for row in connection.execute(_missing(line)):
        holes[row.camera].append(SequenceHole(row.before + 1, row.seq - 1, row.at, row.run))
    return holes


def _missing(line: str) -> Select[Any]:
    """Select parts whose predecessor in their run is not the previous number."""
    part = parts.c
    before = func.lag(part.seq).over(partition_by=(part.camera, part.run), order_by=part.seq).label("before")
    columns = (part.camera, part.run, part.seq, part.received_at.label("at"), before)
    ordered = select(*columns).where(part.line == line, is_numbered).subquery().c
    missing = select(ordered.camera, ordered.run, ordered.seq, ordered.at, ordered.before)
    return missing.where(ordered.seq > ordered.before + 1)
