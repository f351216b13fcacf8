"""Stores acknowledgements of gates and counts of PLCs, and compares them with the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, select, update

from inspector.adapters.ledger.database import VALUES_PER_STATEMENT, upsert
from inspector.adapters.ledger.identities import has_key
from inspector.adapters.ledger.rows import count_of, count_row
from inspector.adapters.ledger.tables import counts, is_unacknowledged, is_uncompared, is_waiting, losses, outbox, parts
from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey
from inspector.domain.part import PartState
from inspector.domain.reconciliation import Ack, CountComparison, MissingAck, TriggerCount
from inspector.utc import earlier, later, utc_now

MAX_CLOCK_SKEW: Final = timedelta(hours=1)  # between the PLC's clock and ours, where its counts do not show it
NO_SKEW: Final = timedelta(0)


class OverdueQuery(NamedTuple):
    """Verdicts of these lines (None: all) whose acknowledgement is overdue."""

    lines: Sequence[str] | None
    now: datetime


# ------------------------------------------------------------------ the gate


def acknowledge(connection: Connection, group: Sequence[Ack]) -> list[Disposition | None]:
    """Store acknowledgements. A verdict counts as published too, where its acknowledgement proves that it arrived."""
    return [_acknowledge(connection, ack) for ack in group]


def _acknowledge(connection: Connection, ack: Ack) -> Disposition | None:
    row = parts.c
    named = select(row.number, row.disposition, row.acknowledged_at).where(*_names(ack))
    part = connection.execute(named.order_by(row.number.desc()).limit(1)).first()
    if part is None:
        return None
    if part.acknowledged_at is None:
        acted = {"acknowledged_at": ack.at, "gate_disposition": ack.disposition, "state": PartState.ACKNOWLEDGED}
        connection.execute(update(parts).where(parts.c.number == part.number).values(acted))
        values: dict[str, Any] = {"ack_due_at": None}
        if ack.proves_arrival_of(Disposition(part.disposition)):
            values["published_at"] = case((is_waiting, utc_now()), else_=outbox.c.published_at)
        verdict = update(outbox).where(outbox.c.part == part.number, outbox.c.confirms)
        connection.execute(verdict.values(values))
    return Disposition(part.disposition)


def _names(ack: Ack) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of the parts that an acknowledgement may mean: a gate speaks for its own camera only."""
    if ack.result_id is None:
        return has_key(ack.key)
    return parts.c.line == ack.key.line, parts.c.camera == ack.key.camera, parts.c.result_id == ack.result_id


def take_overdue(connection: Connection, group: Sequence[OverdueQuery]) -> list[list[MissingAck]]:
    return [_take_overdue(connection, asked) for asked in group]


def _take_overdue(connection: Connection, asked: OverdueQuery) -> list[MissingAck]:
    """Return the longest overdue first, each once: its due time is cleared."""
    due = select(outbox.c.number, outbox.c.ack_within_ms, parts.c.line, parts.c.camera, parts.c.trigger_id)
    due = due.join_from(outbox, parts).where(is_unacknowledged, outbox.c.ack_due_at <= asked.now)
    if asked.lines is not None:
        due = due.where(outbox.c.line.in_(asked.lines))
    rows = connection.execute(due.order_by(outbox.c.ack_due_at).limit(VALUES_PER_STATEMENT)).all()
    reported = update(outbox).where(outbox.c.number.in_([row.number for row in rows]))
    connection.execute(reported.values(ack_due_at=None))
    verdicts = [MissingAck(FrameKey(row.line, row.camera, row.trigger_id), row.ack_within_ms) for row in rows]
    return sorted(verdicts, key=lambda verdict: verdict.key.line)


# ------------------------------------------------------------------ the PLC


def add_counts(connection: Connection, group: Sequence[TriggerCount]) -> list[None]:
    new = upsert(connection, counts).on_conflict_do_nothing()
    connection.execute(new, [count_row(count) for count in group])
    return [None] * len(group)


def compare(connection: Connection, lines: Sequence[str] | None, before: datetime) -> list[CountComparison]:
    """Compare the counts for these lines (None: all) received before this time and not compared yet."""
    waiting = select(counts).where(is_uncompared, counts.c.at < before)
    if lines is not None:
        waiting = waiting.where(counts.c.line.in_(lines))
    rows = connection.execute(waiting.order_by(counts.c.number).limit(VALUES_PER_STATEMENT)).all()
    return [_compared(connection, count_of(row)) for row in rows]


def note_compared(connection: Connection, group: Sequence[Sequence[CountComparison]]) -> list[None]:
    found = [comparison for comparisons in group for comparison in comparisons]
    key = (counts.c.line, counts.c.camera, counts.c.since, counts.c.until)
    its_key = and_(*(column == bindparam(f"its_{column.name}") for column in key))
    rows = [
        {f"its_{column.name}": getattr(each.counted, column.name) for column in key}
        | {"decided": each.decided, "lost": each.lost}
        for each in found
    ]
    if rows:
        connection.execute(update(counts).where(its_key), rows)
    return [None] * len(group)


def _compared(connection: Connection, count: TriggerCount) -> CountComparison:
    counted = _counted_parts(count)
    decided = connection.scalar(select(func.count()).select_from(parts).where(*counted)) or 0
    first = select(parts.c.captured_at, parts.c.received_at).where(*counted, parts.c.captured_at.is_not(None))
    shown = connection.execute(first.order_by(parts.c.captured_at).limit(1)).first()
    behind = shown.received_at - shown.captured_at if shown else NO_SKEW
    return CountComparison(count, decided, _lost_between(connection, count, behind))


def _counted_parts(count: TriggerCount) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of the parts of this time: that of capture, which the PLC's clock knows, else of receipt.

    A part is decided after both, by our clock: that bounds the scan. A count that comes before its own end shows how
    far the PLC's clock is ahead of ours.
    """
    at = func.coalesce(parts.c.captured_at, parts.c.received_at)
    ahead = max(NO_SKEW, count.until - count.at)
    decided_after = earlier(count.since, MAX_CLOCK_SKEW + ahead)
    its_camera = (parts.c.line == count.line, parts.c.camera == count.camera)
    return *its_camera, parts.c.decided_at >= decided_after, at >= count.since, at < count.until


def _lost_between(connection: Connection, count: TriggerCount, behind: timedelta) -> int:
    """Count the frames that were lost in this time. Losses have times of ours, which the PLC's clock is `behind`."""
    its_camera = (losses.c.line == count.line, losses.c.camera == count.camera)
    its_time = (losses.c.at >= later(count.since, behind), losses.c.at < later(count.until, behind))
    return connection.scalar(select(func.sum(losses.c.frames)).where(*its_camera, *its_time)) or 0
