"""Compares the sums over parts with the parts themselves, and corrects what differs.

Sums and parts of a day are read from one snapshot, and only their differences are added. Writers may therefore go on:
what they add meanwhile is in neither side of the comparison.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, func, select

from inspector.adapters.ledger.database import open_engine, read
from inspector.adapters.ledger.part_sums import (
    DEFECT_KEY_COLUMNS,
    KEY_COLUMNS,
    CountedDefect,
    CountedPart,
    Sums,
    change_sums,
    counted_row,
    sum_defects,
    sum_parts,
)
from inspector.adapters.ledger.tables import defect_quarters, part_minutes, part_quarters, parts, reports
from inspector.ports.archive import MINUTE, MINUTES_KEPT, QUARTER
from inspector.utc import span_start, utc_now

DAY: Final = timedelta(days=1)
ROWS_PER_FETCH: Final = 5_000
PART_COLUMNS: Final = (
    "decided_at",
    "line",
    "camera",
    "disposition",
    "reason",
    "would_be_disposition",
    "vote_count",
    "is_simulated",
    "late",
    "latency_ms",
)
KEYS: Final = {part_minutes: KEY_COLUMNS, part_quarters: KEY_COLUMNS, defect_quarters: DEFECT_KEY_COLUMNS}


def rebuild_sums(url: str) -> int:
    """Make the sums equal to the parts; return how many were wrong. Lines may run meanwhile. Raises LedgerError."""
    reading, writing = open_engine(url, writes=False), open_engine(url, writes=True)
    try:
        days = read(reading, _days)
        return sum(_correct_day(reading, writing, day) for day in days)
    finally:
        reading.dispose()
        writing.dispose()


def fill_sums(connection: Connection) -> None:
    """Fill the sums of a database whose parts were never summed. Other databases stay as they are."""
    if connection.execute(select(part_quarters.c.start).limit(1)).first() is None:
        for day in _days(connection):
            for table, changes in _differences(connection, day).items():
                change_sums(connection, table, changes)


def _correct_day(reading: Engine, writing: Engine, day: datetime) -> int:
    differences = read(reading, _differences, day)
    wrong = sum(any(change) for changes in differences.values() for change in changes.values())
    if wrong:
        with writing.begin() as connection:
            for table, changes in differences.items():
                change_sums(connection, table, changes)
                connection.execute(delete(table).where(_on(table, day), table.c.parts == 0))
    return wrong


def _days(connection: Connection) -> list[datetime]:
    """List the days, in UTC, that have parts or sums."""
    starts = {span_start(day, DAY) for day in _part_days(connection)}
    for table in KEYS:
        starts.update(span_start(at, DAY) for at in connection.scalars(select(table.c.start).distinct()))
    return sorted(starts)


def _part_days(connection: Connection) -> Iterator[datetime]:
    """Yield the first part's time of each day, by the index of times."""
    at = connection.scalar(select(func.min(parts.c.decided_at)))
    while at is not None:
        yield at
        tomorrow = span_start(at, DAY) + DAY
        at = connection.scalar(select(func.min(parts.c.decided_at)).where(parts.c.decided_at >= tomorrow))


def _differences(connection: Connection, day: datetime) -> dict[Table[Any], Sums]:
    """Return what has to be added to the sums of a day so that they equal its parts."""
    right = _right_sums(connection, day)
    return {table: _difference(sums, _stored(connection, table, day)) for table, sums in right.items()}


def _right_sums(connection: Connection, day: datetime) -> dict[Table[Any], Sums]:
    """Return the sums that the parts of this day come to; those of minutes only while minutes are kept."""
    spans = {part_quarters: QUARTER}
    if day + DAY > utc_now() - MINUTES_KEPT:
        spans[part_minutes] = MINUTE
    right: dict[Table[Any], Sums] = {table: {} for table in spans}
    for counted in _counted_parts(connection, day):
        for table, span in spans.items():
            sum_parts(counted, span, right[table])
    return right | {defect_quarters: sum_defects(_counted_defects(connection, day))}


def _counted_parts(connection: Connection, day: datetime) -> Iterator[list[CountedPart]]:
    columns = [parts.c[name] for name in PART_COLUMNS]
    wanted = select(*columns).where(*_decided_on(day)).execution_options(yield_per=ROWS_PER_FETCH)
    for page in connection.execute(wanted).partitions():
        yield [counted_row(row) for row in page]


def _counted_defects(connection: Connection, day: datetime) -> Iterator[CountedDefect]:
    place = (parts.c.decided_at, parts.c.line, parts.c.camera, parts.c.is_simulated, reports.c.findings)
    named = select(*place).join(reports, reports.c.part == parts.c.number).where(*_decided_on(day))
    for row in connection.execute(named.execution_options(yield_per=ROWS_PER_FETCH)):
        yield from _named_in(row)


def _decided_on(day: datetime) -> tuple[ColumnElement[bool], ...]:
    return parts.c.decided_at >= day, parts.c.decided_at < day + DAY


def _named_in(row: Any) -> list[CountedDefect]:
    named = dict.fromkeys(finding["defect"] for finding in row.findings)
    return [CountedDefect(row.decided_at, row.line, row.camera, defect, row.is_simulated) for defect in named]


def _stored(connection: Connection, table: Table[Any], day: datetime) -> Sums:
    width = len(KEYS[table])
    rows = connection.execute(select(table).where(_on(table, day)))
    return {tuple(row[:width]): list(row[width:]) for row in rows}


def _on(table: Table[Any], day: datetime) -> Any:
    return (table.c.start >= day) & (table.c.start < day + DAY)


def _difference(right: Sums, stored: Sums) -> Sums:
    width = len(next(iter((right or stored or {(): [0]}).values())))
    nothing = [0] * width
    return {
        key: [wanted - held for wanted, held in zip(right.get(key, nothing), stored.get(key, nothing), strict=True)]
        for key in right.keys() | stored.keys()
    }
