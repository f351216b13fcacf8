"""Reads the figures of a line's balance; `domain/reconciliation.py` adds them up."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, case, func, or_, select

from inspector.adapters.ledger.rows import count_of
from inspector.adapters.ledger.tables import counts, is_numbered, is_waiting, losses, outbox, parts
from inspector.domain.part import PartState
from inspector.domain.reconciliation import Balance, CountComparison, Gap, SequenceHole, camera_account
from inspector.domain.sequence import MAX_GAP_FRAMES, MIN_RESTART_STEP


def balance(connection: Connection, line: str, now: datetime, settled: datetime) -> Balance:
    """Return the balance of this line. Holes whose next part was received after `settled` are in flight."""
    decided = _decided_by_camera(connection, line)
    holes, gaps = _holes(connection, line), _gaps(connection, line)
    states = _states(connection, line)
    return Balance(
        line=line,
        at=now,
        cameras=tuple(
            camera_account(camera, decided[camera], holes[camera], gaps[camera], settled) for camera in sorted(decided)
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


def _gaps(connection: Connection, line: str) -> dict[str, list[Gap]]:
    """Return recorded losses by camera."""
    gaps: dict[str, list[Gap]] = defaultdict(list)
    numbered = losses.c.first_seq.is_not(None)
    for row in connection.execute(select(losses).where(losses.c.line == line, numbered).order_by(losses.c.number)):
        gaps[row.camera].append(Gap(row.first_seq, row.last_seq, row.at))
    return gaps


def _holes(connection: Connection, line: str) -> dict[str, list[SequenceHole]]:
    """Return the numbers missing between two parts of a camera, by camera."""
    holes: dict[str, list[SequenceHole]] = defaultdict(list)
    for row in connection.execute(_missing(line)):
        holes[row.camera].append(SequenceHole(row.before + 1, row.seq - 1, row.at, row.begun, row.ended))
    return holes


def _missing(line: str) -> Select[Any]:
    """Select parts whose predecessor is not the previous number. A restarted counter begins a new run, by the rule of
    `domain/sequence.py`.
    """
    part = parts.c
    arrived = func.lag(part.seq).over(partition_by=part.camera, order_by=part.number)
    columns = (part.camera, part.seq, part.number, part.received_at, arrived.label("earlier"))
    step = select(*columns).where(part.line == line, is_numbered).subquery().c
    jumped = or_(step.seq < step.earlier - MIN_RESTART_STEP, step.seq > step.earlier + MAX_GAP_FRAMES)
    run = func.sum(case((jumped, 1), else_=0)).over(partition_by=step.camera, order_by=step.number)
    one = select(step.camera, step.seq, step.received_at, run.label("run")).subquery().c
    its_run = (one.camera, one.run)
    ordered = select(
        one.camera,
        one.seq,
        one.received_at.label("at"),
        func.lag(one.seq).over(partition_by=its_run, order_by=one.seq).label("before"),
        func.min(one.received_at).over(partition_by=its_run).label("begun"),
        func.max(one.received_at).over(partition_by=its_run).label("ended"),
    ).subquery()
    return select(ordered).where(ordered.c.seq > ordered.c.before + 1).order_by(ordered.c.camera, ordered.c.seq)
