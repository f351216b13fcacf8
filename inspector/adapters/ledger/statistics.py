"""Reads sums for statistics (`ports.StatisticsArchive`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, exists, func, select

from inspector.adapters.ledger.tables import defect_quarters, is_reviewed, part_quarters, parts, reviews, truths
from inspector.domain.declared import Disposition
from inspector.domain.review import ReviewLabel
from inspector.domain.truth import IS_NG
from inspector.ports.archive import QUARTER
from inspector.ports.statistics import GivenAnswer, OutcomeSum, ReviewedSum, StatisticsQuery
from inspector.utc import span_start


def outcome_sums(connection: Connection, query: StatisticsQuery) -> list[OutcomeSum]:
    every = part_quarters.c
    kind = (every.start, every.disposition, every.would_be_disposition, every.is_judged)
    sums = select(*kind, func.sum(every.parts), func.sum(every.late)).where(*_counted_in(part_quarters, query))
    rows = connection.execute(sums.group_by(*kind).order_by(every.start)).all()
    return [
        OutcomeSum(start, Disposition(disposition), Disposition(would_be), judged, int(count), int(late))
        for start, disposition, would_be, judged, count, late in rows
    ]


def defect_sums(connection: Connection, query: StatisticsQuery) -> Mapping[str, int]:
    every = defect_quarters.c
    sums = select(every.defect, func.sum(every.parts)).where(*_counted_in(defect_quarters, query))
    return {defect: int(count) for defect, count in connection.execute(sums.group_by(every.defect))}


def reviewed_defect_sums(connection: Connection, query: StatisticsQuery) -> Mapping[str, int]:
    """Count the classes that people named on parts whose truth is NG."""
    named = select(reviews.c.classes).join_from(truths, reviews, reviews.c.review_id == truths.c.by)
    named = named.join(parts, parts.c.number == truths.c.part).where(truths.c.label == ReviewLabel.NG)
    rows = connection.scalars(named.where(is_reviewed, *_reviewed_in(query)))
    return Counter(name for classes in rows for name in classes)


def reviewed_sums(connection: Connection, query: StatisticsQuery) -> list[ReviewedSum]:
    counted = Counter(
        (span_start(decided_at, QUARTER), would_be, label, probability)
        for decided_at, would_be, label, probability in connection.execute(_known(query)).all()
    )
    sums = [
        ReviewedSum(start, Disposition(would_be), IS_NG[ReviewLabel(label)], probability, count)
        for (start, would_be, label, probability), count in counted.items()
    ]
    return sorted(sums, key=lambda each: each[:3])


def answers(connection: Connection, query: StatisticsQuery, limit: int) -> list[GivenAnswer]:
    every = reviews.c
    given = select(every.part).where(every.at >= query.since, every.at < query.until, _stands())
    if _of_place(parts, query):
        given = given.join(parts, parts.c.number == every.part).where(*_of_place(parts, query))
    newest = given.order_by(every.number.desc()).limit(limit).subquery()
    told = select(every.part, every.reviewer, every.label, every.at, every.seconds, every.blind)
    standing = told.where(every.part.in_(select(newest.c.part)), _stands()).order_by(every.number)
    return [
        GivenAnswer(part, reviewer, str(label), at, seconds, blind)
        for part, reviewer, label, at, seconds, blind in connection.execute(standing).all()
    ]


def _stands() -> ColumnElement[bool]:
    """Return the condition that a review is an answer that its author has neither changed nor taken back."""
    later = reviews.alias().c
    superseded = exists().where(later.part == reviews.c.part, later.supersedes == reviews.c.review_id)
    return reviews.c.label.is_not(None) & ~superseded


def _known(query: StatisticsQuery) -> Select[*tuple[Any, ...]]:
    """Select judged parts of this time whose truth is known, with the probability of their audit."""
    part = parts.c
    drawn = select(func.max(reviews.c.probability)).where(reviews.c.part == part.number).scalar_subquery()
    columns = (part.decided_at, part.would_be_disposition, truths.c.label, drawn.label("probability"))
    judged = select(*columns).join_from(parts, truths, truths.c.part == part.number)
    return judged.where(truths.c.label.in_(IS_NG), is_reviewed, part.vote_count > 0, *_reviewed_in(query))


def _reviewed_in(query: StatisticsQuery) -> list[Any]:
    """Return the conditions on a reviewed part. Its line is that of its truth: few parts are reviewed, and the planner
    must not walk all parts of the line.
    """
    part = parts.c
    conditions: list[Any] = [part.decided_at >= query.since, part.decided_at < query.until]
    if query.line is not None:
        conditions.append(truths.c.line == query.line)
    if query.lines is not None:
        conditions.append(truths.c.line.in_(query.lines))
    if query.camera is not None:
        conditions.append(func.coalesce(part.camera, part.camera) == query.camera)
    if query.is_simulated is not None:
        conditions.append(part.is_simulated == query.is_simulated)
    return conditions


def _counted_in(table: Table[Any], query: StatisticsQuery) -> list[Any]:
    conditions = [table.c.start >= query.since, table.c.start < query.until, *_of_place(table, query)]
    return conditions if query.is_simulated is None else [*conditions, table.c.is_simulated == query.is_simulated]


def _of_place(table: Table[Any], query: StatisticsQuery) -> list[Any]:
    place = {"line": query.line, "camera": query.camera}
    named = [table.c[name] == value for name, value in place.items() if value is not None]
    return named if query.lines is None else [*named, table.c.line.in_(query.lines)]
