"""Sums over parts by minute and by quarter of an hour. They change in the transactions that change the parts.

All time zones differ by quarters of an hour, and shifts begin on one. Minutes are kept for two days, quarters for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, delete

from inspector.adapters.ledger.camera_minutes import forget_camera_minutes
from inspector.adapters.ledger.database import INSERTS
from inspector.adapters.ledger.tables import BUCKET_COLUMNS, defect_quarters, part_minutes, part_quarters
from inspector.domain.part import PartRecord
from inspector.domain.report import Words, named_defects
from inspector.numerics.latency_histogram import BUCKETS, bucket_of
from inspector.ports.archive import MINUTE, MINUTES_KEPT, QUARTER
from inspector.utc import span_start

KEY_COLUMNS: Final = (
    "start",
    "line",
    "camera",
    "disposition",
    "reason",
    "would_be_disposition",
    "is_judged",
    "is_simulated",
)
SUM_COLUMNS: Final = ("parts", "late", "votes", *BUCKET_COLUMNS)
DEFECT_KEY_COLUMNS: Final = ("start", "line", "camera", "defect", "is_simulated")
SumKey = tuple[Any, ...]
Sums = dict[SumKey, list[int]]


class CountedPart(NamedTuple):
    """What the sums need of a part."""

    decided_at: datetime
    line: str
    camera: str
    disposition: str
    reason: str
    would_be_disposition: str
    is_judged: bool
    is_simulated: bool
    late: bool
    votes: int
    latency_ms: float

    def key(self, span: timedelta) -> SumKey:
        return (span_start(self.decided_at, span), *self[1:8])


class CountedDefect(NamedTuple):
    """A part and a defect class that its report names."""

    decided_at: datetime
    line: str
    camera: str
    defect: str
    is_simulated: bool


def counted(part: PartRecord) -> CountedPart:
    decision, votes = part.decision, len(part.votes)
    outcome = str(decision.disposition), str(decision.reason), str(part.would_be.disposition)
    kind = votes > 0, part.is_simulated
    return CountedPart(part.decided_at, *part.key[:2], *outcome, *kind, part.late, votes, part.latency_ms)


def counted_row(row: Any) -> CountedPart:
    """Return what is counted of a row of `parts`."""
    outcome = row.disposition, row.reason, row.would_be_disposition
    kind = row.vote_count > 0, row.is_simulated
    return CountedPart(row.decided_at, row.line, row.camera, *outcome, *kind, row.late, row.vote_count, row.latency_ms)


def counted_defects(decided_at: datetime, line: str, camera: str, words: Words, *, is_simulated: bool) -> list[Any]:
    """Return each class that a report names, once."""
    return [CountedDefect(decided_at, line, camera, defect, is_simulated) for defect in named_defects(words)]


def sum_parts(parts: Iterable[CountedPart], span: timedelta, sums: Sums | None = None, sign: int = 1) -> Sums:
    """Add the parts to the sums, or take them off with a sign of -1."""
    sums = {} if sums is None else sums
    for part in parts:
        total = sums.setdefault(part.key(span), [0] * (3 + BUCKETS))
        total[0] += sign
        total[1] += sign * part.late
        total[2] += sign * part.votes
        total[3 + bucket_of(part.latency_ms)] += sign
    return sums


def sum_defects(defects: Iterable[CountedDefect]) -> Sums:
    sums: Sums = {}
    for each in defects:
        sums.setdefault((span_start(each.decided_at, QUARTER), *each[1:]), [0])[0] += 1
    return sums


def count_parts(connection: Connection, added: Iterable[CountedPart], removed: Iterable[CountedPart] = ()) -> None:
    """Count parts, and take off what they were counted as before."""
    added, removed = [*added], [*removed]
    for table, span in ((part_minutes, MINUTE), (part_quarters, QUARTER)):
        change_sums(connection, table, sum_parts(removed, span, sum_parts(added, span), sign=-1))


def count_defects(connection: Connection, defects: Iterable[CountedDefect]) -> None:
    change_sums(connection, defect_quarters, sum_defects(defects))


def change_sums(connection: Connection, table: Table[Any], changes: Mapping[SumKey, list[int]]) -> None:
    """Add the changes to the stored sums. Always in the same order: two processes must not deadlock."""
    names = [column.name for column in table.columns]
    rows = [dict(zip(names, (*key, *changes[key]), strict=True)) for key in sorted(changes) if any(changes[key])]
    if rows:
        connection.execute(_addition(connection.dialect.name, table), rows)


def forget_minutes(connection: Connection, group: Iterable[datetime]) -> list[None]:
    """Remove what cameras sent long ago, and the sums of minutes that no total starts at any more at this time."""
    times = [*group]
    forget_camera_minutes(connection, max(times))
    connection.execute(delete(part_minutes).where(part_minutes.c.start < span_start(max(times) - MINUTES_KEPT, MINUTE)))
    return [None] * len(times)


@cache
def _addition(dialect: str, table: Table[Any]) -> Any:
    """Return the statement that adds to a row of sums, or makes it."""
    new = INSERTS[dialect](table)
    keys = [column for column in table.columns if column.primary_key]
    sums = {column.name: column + new.excluded[column.name] for column in table.columns if not column.primary_key}
    return new.on_conflict_do_update(index_elements=keys, set_=sums)
