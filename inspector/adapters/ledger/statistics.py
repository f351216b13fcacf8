"""Reads sums for statistics (`ports.StatisticsArchive`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Select, Table, func, select

from inspector.adapters.ledger.tables import defect_quarters, is_reviewed, part_quarters, parts, reviews
from inspector.domain.declared import Disposition
from inspector.ports.archive import QUARTER
from inspector.ports.statistics import GivenAnswer, OutcomeSum, ReviewedSum, StatisticsQuery
from inspector.utc import span_start


def outcome_sums(connection: Connection, query: StatisticsQuery) -> list[OutcomeSum]:
    every = part_quarters.c
    kind = (every.start, every.disposition, every.would_be_disposition, every.is_judged)
    sums = select(*kind, func.sum(every.parts), func.sum(every.late)).where(*_counted_in(part_quarters, query))
    rows = connection.execute(sums.group_by(*kind).order_by(every.start))
    return [
        OutcomeSum(start, Disposition(disposition), Disposition(would_be), judged, int(count), int(late))
        for start, disposition, would_be, judged, count, late in rows
    ]


def defect_sums(connection: Connection, query: StatisticsQuery) -> Mapping[str, int]:
    every = defect_quarters.c
    sums = select(every.defect, func.sum(every.parts)).where(*_counted_in(defect_quarters, query))
    return {defect: int(count) for defect, count in connection.execute(sums.group_by(every.defect))}


def reviewed_defect_sums(connection: Connection, query: StatisticsQuery) -> Mapping[str, int]:
    """Count the classes of reports on parts that people called NG."""
    del connection, query
    return {}


def reviewed_sums(connection: Connection, query: StatisticsQuery) -> list[ReviewedSum]:
    counted = Counter(
        (span_start(row.decided_at, QUARTER), Disposition(row.would_be_disposition), row.is_ng)
        for row in connection.execute(_truths(query))
    )
    return [ReviewedSum(*key, None, count) for key, count in sorted(counted.items())]


def answers(connection: Connection, query: StatisticsQuery, limit: int) -> list[GivenAnswer]:
    every = reviews.c
    given = select(every.part).where(every.at >= query.since, every.at < query.until)
    if query.line is not None or query.camera is not None:
        given = given.join(parts, parts.c.number == every.part).where(*_of_place(parts, query))
    newest = given.order_by(every.number.desc()).limit(limit).subquery()
    rows = connection.execute(select(reviews).where(every.part.in_(select(newest.c.part))).order_by(every.number))
    return [GivenAnswer(row.part, row.reviewer, "NG" if row.is_ng else "OK", row.at, None, False) for row in rows]


def _truths(query: StatisticsQuery) -> Select[*tuple[Any, ...]]:
    """Select judged parts of this time whose truth is known."""
    part = parts.c
    latest = reviews.alias()
    newest = select(func.max(latest.c.number)).where(latest.c.part == part.number).scalar_subquery()
    columns = (part.decided_at, part.would_be_disposition, reviews.c.is_ng)
    judged = (
        select(*columns).join_from(parts, reviews, reviews.c.number == newest).where(is_reviewed, part.vote_count > 0)
    )
    simulated = [] if query.is_simulated is None else [part.is_simulated == query.is_simulated]
    decided = (part.decided_at >= query.since, part.decided_at < query.until)
    return judged.where(*decided, *_of_place(parts, query), *simulated)


def _counted_in(table: Table[Any], query: StatisticsQuery) -> list[Any]:
    conditions = [table.c.start >= query.since, table.c.start < query.until, *_of_place(table, query)]
    return conditions if query.is_simulated is None else [*conditions, table.c.is_simulated == query.is_simulated]


def _of_place(table: Table[Any], query: StatisticsQuery) -> list[Any]:
    place = {"line": query.line, "camera": query.camera}
    return [table.c[name] == value for name, value in place.items() if value is not None]
