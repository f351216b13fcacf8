"""What gates and PLCs said, and how the books of a line stand. Knows statements, not threads; `accounts.py` knows
what the sums must be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, and_, case, func, or_, select, update

from inspector.accounts import Ack, Balance, Comparison, Gap, Hole, TriggerCount, Unacknowledged, camera_account
from inspector.frame import FrameKey
from inspector.ledger.database import AT_ONCE, upsert
from inspector.ledger.rows import count_of, count_row
from inspector.ledger.tables import counts, is_numbered, is_unacknowledged, is_uncompared, losses, outbox, parts
from inspector.part import PartState
from inspector.pipeline import Disposition
from inspector.ports import utc_now
from inspector.sequence import MAX_GAP, RESTART


class Overdue(NamedTuple):
    """Verdicts of these lines (None: of all) that should have been acknowledged by now."""

    lines: Sequence[str] | None
    now: datetime


class Uncompared(NamedTuple):
    """Counts for these lines (None: for all) that came before this time."""

    lines: Sequence[str] | None
    before: datetime


# ------------------------------------------------------------------ the gate


def acknowledge(connection: Connection, group: Sequence[Ack]) -> list[Disposition | None]:
    """Whoever acknowledges a verdict has it: it counts as published too."""
    return [_acknowledge(connection, ack) for ack in group]


def _acknowledge(connection: Connection, ack: Ack) -> Disposition | None:
    its_key = and_(
        parts.c.line == ack.key.line, parts.c.camera == ack.key.camera, parts.c.trigger_id == ack.key.trigger_id
    )
    part = connection.execute(
        select(parts.c.number, parts.c.disposition, parts.c.acknowledged_at).where(its_key)
    ).first()
    if part is None:
        return None
    if part.acknowledged_at is None:
        said = {"acknowledged_at": ack.at, "gate_disposition": ack.disposition, "state": PartState.ACKNOWLEDGED}
        connection.execute(update(parts).where(parts.c.number == part.number).values(said))
        heard = case((outbox.c.published_at.is_(None), utc_now()), else_=outbox.c.published_at)
        verdict = update(outbox).where(outbox.c.part == part.number, outbox.c.confirms)
        connection.execute(verdict.values(published_at=heard, ack_due_at=None))
    return Disposition(part.disposition)


def tell_overdue(connection: Connection, group: Sequence[Overdue]) -> list[list[Unacknowledged]]:
    return [_tell_overdue(connection, asked) for asked in group]


def _tell_overdue(connection: Connection, asked: Overdue) -> list[Unacknowledged]:
    """The longest overdue first; each is told once, so that what is told is forgotten."""
    due = select(outbox.c.number, outbox.c.ack_within_ms, parts.c.line, parts.c.camera, parts.c.trigger_id)
    due = due.join_from(outbox, parts).where(is_unacknowledged, outbox.c.ack_due_at <= asked.now)
    if asked.lines is not None:
        due = due.where(outbox.c.line.in_(asked.lines))
    rows = connection.execute(due.order_by(outbox.c.ack_due_at).limit(AT_ONCE)).all()
    told = update(outbox).where(outbox.c.number.in_([row.number for row in rows]))
    connection.execute(told.values(ack_due_at=None))
    verdicts = [Unacknowledged(FrameKey(row.line, row.camera, row.trigger_id), row.ack_within_ms) for row in rows]
    return sorted(verdicts, key=lambda verdict: verdict.key.line)


# ------------------------------------------------------------------ the PLC


def add_counts(connection: Connection, group: Sequence[TriggerCount]) -> list[None]:
    new = upsert(connection, counts).on_conflict_do_nothing()
    connection.execute(new, [count_row(count) for count in group])
    return [None] * len(group)


def compare(connection: Connection, group: Sequence[Uncompared]) -> list[list[Comparison]]:
    return [_compare(connection, asked) for asked in group]


def _compare(connection: Connection, asked: Uncompared) -> list[Comparison]:
    waiting = select(counts).where(is_uncompared, counts.c.at < asked.before)
    if asked.lines is not None:
        waiting = waiting.where(counts.c.line.in_(asked.lines))
    rows = connection.execute(waiting.order_by(counts.c.number).limit(AT_ONCE)).all()
    return [_compared(connection, row) for row in rows]


def _compared(connection: Connection, row: Row[Any]) -> Comparison:
    found = Comparison(count_of(row), _decided_between(connection, row), _lost_between(connection, row))
    stored = update(counts).where(counts.c.number == row.number)
    connection.execute(stored.values(decided=found.decided, lost=found.lost))
    return found


def _decided_between(connection: Connection, count: Row[Any]) -> int:
    """By the time of capture, which the PLC's clock knows; by receipt where the camera does not tell it. A part is
    decided after both: that bounds what has to be looked at."""
    at = func.coalesce(parts.c.captured_at, parts.c.received_at)
    its_camera = (parts.c.line == count.line, parts.c.camera == count.camera)
    its_time = (parts.c.decided_at >= count.since, at >= count.since, at < count.until)
    return connection.scalar(select(func.count()).select_from(parts).where(*its_camera, *its_time)) or 0


def _lost_between(connection: Connection, count: Row[Any]) -> int:
    its_camera = (losses.c.line == count.line, losses.c.camera == count.camera)
    its_time = (losses.c.at >= count.since, losses.c.at < count.until)
    return connection.scalar(select(func.sum(losses.c.frames)).where(*its_camera, *its_time)) or 0


# ------------------------------------------------------------------ the sums


def balance(connection: Connection, line: str, now: datetime, settled: datetime) -> Balance:
    """How the books of this line stand. Holes whose next part was received after `settled` are in flight."""
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


def decided_seqs(connection: Connection, line: str, camera: str, first: int, last: int, since: datetime) -> set[int]:
    """Which of these numbers belong to parts received since then."""
    numbers = select(parts.c.seq).where(
        parts.c.line == line, parts.c.camera == camera, parts.c.seq.between(first, last)
    )
    return {seq for seq in connection.scalars(numbers.where(parts.c.received_at >= since)) if seq is not None}


def _decided_by_camera(connection: Connection, line: str) -> dict[str, int]:
    counted = select(parts.c.camera, func.count().label("parts")).where(parts.c.line == line).group_by(parts.c.camera)
    return {row.camera: row.parts for row in connection.execute(counted)}


def _states(connection: Connection, line: str) -> dict[str, int]:
    counted = select(parts.c.state, func.count().label("parts")).where(parts.c.line == line).group_by(parts.c.state)
    return {row.state: row.parts for row in connection.execute(counted)}


def _pending(connection: Connection, line: str) -> int:
    waiting = select(func.count()).select_from(outbox)
    waiting = waiting.where(outbox.c.line == line, outbox.c.confirms, outbox.c.published_at.is_(None))
    return connection.scalar(waiting) or 0


def _newest_comparisons(connection: Connection, line: str) -> tuple[Comparison, ...]:
    compared = (counts.c.line == line, counts.c.decided.is_not(None))
    newest = select(func.max(counts.c.number)).where(*compared).group_by(counts.c.camera)
    rows = connection.execute(select(counts).where(counts.c.number.in_(newest)).order_by(counts.c.camera))
    return tuple(Comparison(count_of(row), row.decided, row.lost) for row in rows)


def _gaps(connection: Connection, line: str) -> dict[str, list[Gap]]:
    """Recorded losses by camera."""
    gaps: dict[str, list[Gap]] = defaultdict(list)
    numbered = losses.c.first_seq.is_not(None)
    for row in connection.execute(select(losses).where(losses.c.line == line, numbered).order_by(losses.c.number)):
        gaps[row.camera].append(Gap(row.first_seq, row.last_seq, row.at))
    return gaps


def _holes(connection: Connection, line: str) -> dict[str, list[Hole]]:
    """Numbers missing between two parts of a camera, by camera."""
    holes: dict[str, list[Hole]] = defaultdict(list)
    for row in connection.execute(_missing(line)):
        holes[row.camera].append(Hole(row.before + 1, row.seq - 1, row.at, row.begun, row.ended))
    return holes


def _missing(line: str) -> Select[Any]:
    """Parts whose predecessor in the sequence is not the number before theirs. A counter that restarted begins a
    run of its own, by the rule of `sequence.py`."""
    part = parts.c
    arrived = func.lag(part.seq).over(partition_by=part.camera, order_by=part.number)
    columns = (part.camera, part.seq, part.number, part.received_at, arrived.label("earlier"))
    step = select(*columns).where(part.line == line, is_numbered).subquery().c
    jumped = or_(step.seq < step.earlier - RESTART, step.seq > step.earlier + MAX_GAP)
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
