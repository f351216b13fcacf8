"""Sums for metrics: parts and events above a number, and what waits for the broker.

A growing table is not scanned at every scrape: the caller passes the row up to which it knows the sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, case, func, select

from inspector.adapters.ledger.tables import events, is_waiting, outbox, parts, votes
from inspector.ports.metrics import DEADLINE_SHARE_EDGES, EventKind, OutboxBacklog, PartOutcome, PartSums, RowSums

PART_COLUMNS = (parts.c.line, parts.c.disposition, parts.c.reason)
EVENT_COLUMNS = (events.c.line, events.c.kind, events.c.severity)


def count_parts(connection: Connection, after: int, until: int) -> RowSums[PartOutcome, PartSums]:
    """Sum parts above `after` by outcome, those up to `until` separately."""
    rows = connection.execute(_part_sums(after, until)).all()
    earlier, later = ({_outcome(row): _counted(row) for row in _half(rows, half)} for half in (0, 1))
    return RowSums(earlier, later, _newest(rows, after))


def count_events(connection: Connection, after: int, until: int) -> RowSums[EventKind, int]:
    """Count events above `after`, those up to `until` separately."""
    rows = connection.execute(_event_sums(after, until)).all()
    earlier, later = ({_event_kind(row): int(row.happened) for row in _half(rows, half)} for half in (0, 1))
    return RowSums(earlier, later, _newest(rows, after))


def count_waiting(connection: Connection) -> list[OutboxBacklog]:
    """Count the outbox by line. The oldest message's age is that of its part."""
    oldest = func.min(outbox.c.number).label("oldest")
    mine = select(outbox.c.line, func.count().label("messages"), oldest).where(is_waiting).group_by(outbox.c.line)
    line = mine.subquery().c
    whole = select(line.line, line.messages, parts.c.decided_at).join(outbox, outbox.c.number == line.oldest)
    rows = connection.execute(whole.join(parts, parts.c.number == outbox.c.part).order_by(line.line))
    return [OutboxBacklog(row.line, row.messages, row.decided_at) for row in rows]


def _part_sums(after: int, until: int) -> Select[*tuple[Any, ...]]:
    one = _parts_above(after, until).subquery().c
    kind = (one.later, one.line, one.disposition, one.reason)
    sums = {
        "newest": func.max(one.number),
        "parts": func.count(),
        "late": func.sum(_counts(one.late)),
        "votes": func.sum(one.vote_count),
        "tokens": func.sum(one.tokens),
        "latency_ms": func.sum(one.latency_ms),
        "spent": func.sum(one.latency_ms / one.deadline_ms),
    }
    within = [func.sum(_counts(one.latency_ms <= edge * one.deadline_ms)) for edge in DEADLINE_SHARE_EDGES]
    return select(*kind, *(total.label(name) for name, total in sums.items()), *within).group_by(*kind)


def _parts_above(after: int, until: int) -> Select[*tuple[Any, ...]]:
    part = parts.c
    cast = select(votes.c.part, func.sum(votes.c.tokens).label("tokens")).where(votes.c.part > after)
    asked = cast.group_by(votes.c.part).subquery()
    tokens = func.coalesce(asked.c.tokens, 0).label("tokens")
    later = _counts(part.number > until).label("later")
    columns = (part.number, *PART_COLUMNS, part.late, part.vote_count, part.latency_ms, part.deadline_ms)
    joined = select(later, *columns, tokens).outerjoin_from(parts, asked, asked.c.part == part.number)
    return joined.where(part.number > after)


def _event_sums(after: int, until: int) -> Select[*tuple[Any, ...]]:
    event = events.c
    later = _counts(event.number > until).label("later")
    above = select(later, event.number, *EVENT_COLUMNS, event.count.label("times")).where(event.number > after)
    one = above.subquery().c
    kind = (one.later, one.line, one.kind, one.severity)
    sums = (func.max(one.number).label("newest"), func.sum(one.times).label("happened"))
    return select(*kind, *sums).group_by(*kind)


def _counts(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _half(rows: Sequence[Row[Any]], half: int) -> list[Row[Any]]:
    return [row for row in rows if row.later == half]


def _newest(rows: Sequence[Row[Any]], after: int) -> int:
    return max((row.newest for row in rows), default=after)


def _outcome(row: Row[Any]) -> PartOutcome:
    return PartOutcome(row.line, row.disposition, row.reason)


def _event_kind(row: Row[Any]) -> EventKind:
    return EventKind(row.line, row.kind, row.severity)


def _counted(row: Row[Any]) -> PartSums:
    """Convert the sums: PostgreSQL's sums of integers are decimals."""
    within = tuple(int(count) for count in row[-len(DEADLINE_SHARE_EDGES) :])
    return PartSums(row.parts, int(row.late), int(row.votes), int(row.tokens), row.latency_ms, row.spent, within)
