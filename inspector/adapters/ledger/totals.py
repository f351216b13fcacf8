"""Totals since a moment, from the sums over parts. Cost does not depend on the number of parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, select, union_all

from inspector.adapters.ledger.part_sums import SUM_COLUMNS
from inspector.adapters.ledger.tables import BUCKET_COLUMNS, is_waiting, losses, outbox, part_minutes, part_quarters
from inspector.numerics.latency_histogram import quantile_ms
from inspector.ports.archive import QUARTER, Totals, counted_since
from inspector.utc import span_start, utc_now


def totals(connection: Connection, since: datetime, lines: Sequence[str] | None = None) -> Totals:
    """Count from `counted_since` on, of all lines or these. Latencies are those of judged parts."""
    since = counted_since(since, utc_now())
    rows = connection.execute(_sums(since, lines)).all()
    parts = _counted(rows)
    counts = _buckets(row for row in rows if row.is_judged)
    decided = sum(parts.values())
    return Totals(
        since=since,
        parts=parts,
        unjudged=_counted(row for row in rows if not row.is_judged),
        outbox=connection.scalar(select(func.count()).select_from(outbox).where(is_waiting, *_of(outbox, lines))) or 0,
        lost=int(connection.scalar(_lost(since, lines)) or 0),
        latency_p50_ms=quantile_ms(counts, 0.50),
        latency_p99_ms=quantile_ms(counts, 0.99),
        votes_mean=sum(int(row.votes) for row in rows) / decided if decided else None,
    )


def _counted(rows: Iterable[Any]) -> dict[tuple[str, str, str], int]:
    parts: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        parts[row.line, row.disposition, row.reason] += int(row.parts)
    return dict(+parts)


def _lost(since: datetime, lines: Sequence[str] | None) -> Select[Any]:
    return select(func.sum(losses.c.frames)).where(losses.c.at >= since, *_of(losses, lines))


def _of(table: Table[Any], lines: Sequence[str] | None) -> list[ColumnElement[bool]]:
    return [] if lines is None else [table.c.line.in_(lines)]


def _sums(since: datetime, lines: Sequence[str] | None) -> Select[Any]:
    """Sum the minutes up to the next full quarter of an hour, and all quarters after it."""
    first = span_start(since, QUARTER)
    quarter = first if first == since else first + QUARTER
    minute, later = part_minutes.c.start, part_quarters.c.start >= quarter
    minutes = select(part_minutes).where(minute >= since, minute < quarter, *_of(part_minutes, lines))
    quarters = select(part_quarters).where(later, *_of(part_quarters, lines))
    spans = union_all(minutes, quarters).subquery().c
    kind = (spans.line, spans.disposition, spans.reason, spans.is_judged)
    return select(*kind, *(func.sum(spans[name]).label(name) for name in SUM_COLUMNS)).group_by(*kind)


def _buckets(rows: Iterable[Any]) -> list[int]:
    counts = [0] * len(BUCKET_COLUMNS)
    for row in rows:
        for at, count in enumerate(row[-len(BUCKET_COLUMNS) :]):
            counts[at] += int(count)
    return counts
