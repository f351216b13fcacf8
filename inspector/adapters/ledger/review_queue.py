"""Finds the parts that wait for people. Each query walks an index from one end, however many parts there are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, zip_longest
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, case, exists, func, select

from inspector.adapters.ledger.database import value_pages
from inspector.adapters.ledger.tables import (
    is_auditable,
    is_never_judged,
    is_open,
    is_unreviewed,
    parts,
    review_leases,
    reviews,
    truths,
)
from inspector.domain.declared import Disposition
from inspector.domain.review import ReviewLabel
from inspector.domain.review_lease import PURPOSES, ReviewPurpose
from inspector.domain.truth import TruthState
from inspector.ports.reviews import WaitingCounts, WaitingQuery
from inspector.reviewing.audit_sample import draw_limit

Found = Select[int, str, float | None]  # number, result_id and score of parts
COUNT_LIMIT: Final = 10_000  # parts that are counted at most
TEACHING_DISTANCE: Final = 0.10  # of p_ng from a threshold, within which a part teaches


class QueuedPart(NamedTuple):
    number: int
    result_id: str
    purpose: ReviewPurpose


def waiting_parts(connection: Connection, query: WaitingQuery, limit: int) -> list[QueuedPart]:
    """Return the parts of the list in their order, each once."""
    found: dict[int, QueuedPart] = {}
    for purpose in PURPOSES[query.list]:
        for row in _rows(connection, query, purpose, limit):
            found.setdefault(row.number, QueuedPart(row.number, row.result_id, purpose))
        if len(found) >= limit:
            break
    return list(found.values())[:limit]


def waiting_counts(connection: Connection, line: str) -> WaitingCounts:
    disputed = (truths.c.line == line, truths.c.state == TruthState.DISPUTED)
    oldest = select(parts.c.decided_at).where(is_open, parts.c.line == line).order_by(parts.c.number).limit(1)
    return WaitingCounts(
        open=_count(connection, _in_order(is_open, line)),
        never_judged=_count(connection, _in_order(is_never_judged, line)),
        disputed=_count(connection, select(truths.c.part).where(*disputed)),
        oldest_open=connection.scalar(oldest),
        limit=COUNT_LIMIT,
    )


def _in_order(is_waiting: ColumnElement[bool], line: str) -> Select[int]:
    """Select waiting parts by number: only the index of those few parts has this order."""
    return select(parts.c.number).where(is_waiting, parts.c.line == line).order_by(parts.c.number)


def _count(connection: Connection, which: Select[int]) -> int:
    return connection.scalar(select(func.count()).select_from(which.limit(COUNT_LIMIT).subquery())) or 0


def _rows(connection: Connection, query: WaitingQuery, purpose: ReviewPurpose, limit: int) -> Iterator[Any]:
    match purpose:
        case ReviewPurpose.OPEN:
            return _of_line(connection, query, is_open, limit)
        case ReviewPurpose.NEVER_JUDGED:
            return _of_line(connection, query, is_never_judged, limit)
        case ReviewPurpose.TEACHES:
            return _nearest(connection, query, TEACHING_DISTANCE, limit)
        case ReviewPurpose.FURTHER:
            return _nearest(connection, query, 1.0, limit)
        case ReviewPurpose.AUDIT:
            return _audits(connection, query, limit)
        case ReviewPurpose.SECOND:
            return iter(connection.execute(second_statement(query, limit)).all())
        case ReviewPurpose.DISPUTED:
            return iter(connection.execute(disputed_statement(query, limit)).all())
        case ReviewPurpose.NAMED:
            return _named(connection, query, limit)


def _of_line(connection: Connection, query: WaitingQuery, which: ColumnElement[bool], limit: int) -> Iterator[Any]:
    return iter(connection.execute(oldest_statement(query, which, limit)).all())


def oldest_statement(query: WaitingQuery, which: ColumnElement[bool], limit: int) -> Found:
    """Select the parts that have waited longest."""
    return _free(query).where(which, parts.c.line == query.line).order_by(parts.c.number).limit(limit)


def _named(connection: Connection, query: WaitingQuery, limit: int) -> Iterator[Any]:
    """Yield the named parts of the line that nobody has answered, in the order in which they are named."""
    of_line = _free(query).where(is_unreviewed, parts.c.line == query.line)
    rows = {
        row.result_id: row
        for some in value_pages(query.named)
        for row in connection.execute(of_line.where(parts.c.result_id.in_(some)))
    }
    return (rows[each] for each in [name for name in query.named if name in rows][:limit])


def _nearest(connection: Connection, query: WaitingQuery, distance: float, limit: int) -> Iterator[Any]:
    """Yield judged parts of the present scores within a distance of a threshold, the nearest first."""
    if query.fingerprint is None:
        return iter(())
    limits = (query.thresholds.pass_below, query.thresholds.reject_above)
    statements = [nearest_statement(query, at, at + step, limit) for at in limits for step in (distance, -distance)]
    rows = {row.number: row for statement in statements for row in connection.execute(statement)}
    return iter(sorted(rows.values(), key=lambda row: min(abs(row.p_ng - at) for at in limits)))


def nearest_statement(query: WaitingQuery, at: float, end: float, limit: int) -> Found:
    """Select the parts whose score lies nearest to one threshold, from there to the `end` on one of its sides."""
    p_ng = parts.c.p_ng
    own = (is_auditable, parts.c.line == query.line, parts.c.fingerprint == query.fingerprint)
    near = _free(query).where(*own, p_ng.between(min(at, end), max(at, end)))
    return near.order_by(p_ng if end > at else p_ng.desc()).limit(limit)


def _audits(connection: Connection, query: WaitingQuery, limit: int) -> Iterator[Any]:
    """Yield drawn parts of every disposition in turn, so that all samples grow."""
    drawn = [
        connection.execute(audit_statement(query, disposition, share, limit)).all()
        for disposition, share in query.audit_shares.items()
        if share > 0.0
    ]
    return (row for row in chain.from_iterable(zip_longest(*drawn)) if row is not None)


def audit_statement(query: WaitingQuery, disposition: Disposition, share: float, limit: int) -> Found:
    """Select drawn parts of one disposition. Their draws order them, which says nothing about the parts."""
    drawn = _free(query).where(
        is_auditable, parts.c.line == query.line, parts.c.would_be_disposition == disposition.value
    )
    if (below := draw_limit(share)) is not None:
        drawn = drawn.where(parts.c.result_id < below)
    return drawn.order_by(parts.c.result_id).limit(limit)


def second_statement(query: WaitingQuery, limit: int) -> Found:
    """Select parts with one answer, of somebody else; the unsure ones first."""
    truth = truths.c
    mine = exists().where(reviews.c.part == truth.part, reviews.c.reviewer == query.reviewer)
    single = (truth.line == query.line, truth.state == TruthState.SINGLE, ~mine)
    unsure_first = case((truth.label == ReviewLabel.UNSURE, 0), else_=1)
    return (
        _free_truths().where(*single, *_not_leased(query, truth.part)).order_by(unsure_first, truth.part).limit(limit)
    )


def disputed_statement(query: WaitingQuery, limit: int) -> Found:
    """Select parts whose reviewers differ, the oldest first."""
    truth = truths.c
    disputed = (truth.line == query.line, truth.state == TruthState.DISPUTED)
    return _free_truths().where(*disputed, *_not_leased(query, truth.part)).order_by(truth.part).limit(limit)


def _free_truths() -> Found:
    return select(parts.c.number, parts.c.result_id, parts.c.p_ng).join_from(
        truths, parts, parts.c.number == truths.c.part
    )


def _free(query: WaitingQuery) -> Found:
    """Select parts that nobody has on screen."""
    return select(parts.c.number, parts.c.result_id, parts.c.p_ng).where(*_not_leased(query, parts.c.number))


def _not_leased(query: WaitingQuery, number: ColumnElement[int]) -> tuple[ColumnElement[bool]]:
    lease = review_leases.c
    return (~exists().where(lease.part == number, lease.until > query.now),)
