"""Gives waiting parts to people: each part to one person at a time, until a lease ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, delete, or_, select, update

from inspector.adapters.ledger.database import ledger_errors, open_engine, read, upsert
from inspector.adapters.ledger.review_queue import QueuedPart, waiting_parts
from inspector.adapters.ledger.tables import is_reviewed, parts, review_leases
from inspector.domain.review_lease import PURPOSES, ReviewLease, ReviewPurpose
from inspector.ports.reviews import LeaseRequest

MAX_ATTEMPTS: Final = 5  # to get parts that others take at the same time
KEPT_AFTER_END: Final = timedelta(days=1)  # a late answer still knows what its part was given for
UNREVIEWED_PURPOSES: Final = (
    ReviewPurpose.OPEN,
    ReviewPurpose.TEACHES,
    ReviewPurpose.AUDIT,
    ReviewPurpose.FURTHER,
    ReviewPurpose.NEVER_JUDGED,
    ReviewPurpose.NAMED,
)


class SqlLeaseStore:
    """`ports.LeaseStore` for one database. Thread-safe."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url, writes=True)

    def close(self) -> None:
        self._engine.dispose()

    def take_leases(self, request: LeaseRequest) -> list[ReviewLease]:
        with ledger_errors("the parts can't be given"), self._engine.begin() as connection:
            return take_leases(connection, request)

    def lease_of(self, reviewer: str, result_id: str) -> ReviewLease | None:
        return read(self._engine, _lease_of, reviewer, result_id)

    def end_leases(self, reviewer: str, result_ids: Sequence[str]) -> int:
        named = select(parts.c.number).where(parts.c.result_id.in_(result_ids))
        own = (review_leases.c.reviewer == reviewer, review_leases.c.part.in_(named))
        with ledger_errors("the parts can't be given back"), self._engine.begin() as connection:
            return connection.execute(delete(review_leases).where(*own)).rowcount


def take_leases(connection: Connection, request: LeaseRequest) -> list[ReviewLease]:
    _forget(connection, request)
    _renew(connection, request)
    own, order = _own(connection, request), dict[int, int]()
    for _ in range(MAX_ATTEMPTS):
        missing = request.parts - len(own)
        found = waiting_parts(connection, request.waiting, missing) if missing > 0 else []
        if not found:
            break
        order |= {each.number: place for place, each in enumerate(found, len(order) + 1)}
        _insert(connection, request, found)
        own = _own(connection, request)
    return [_lease(row) for row in sorted(own, key=lambda row: order.get(row.number, 0))[: request.parts]]


def _forget(connection: Connection, request: LeaseRequest) -> None:
    """Remove leases of this line that ended long ago, and this person's of parts that were reviewed meanwhile."""
    lease, waiting = review_leases.c, request.waiting
    reviewed = lease.part.in_(select(lease.part).join(parts, parts.c.number == lease.part).where(*_answered(request)))
    old = lease.until < waiting.now - KEPT_AFTER_END
    connection.execute(delete(review_leases).where(lease.line == waiting.line, or_(old, reviewed)))


def _answered(request: LeaseRequest) -> tuple[Any, ...]:
    lease = review_leases.c
    return (lease.reviewer == request.waiting.reviewer, lease.purpose.in_(UNREVIEWED_PURPOSES), is_reviewed)


def _renew(connection: Connection, request: LeaseRequest) -> None:
    renewed = update(review_leases).where(*_mine(request)).values(until=request.until, blind=request.blind)
    connection.execute(renewed)


def _insert(connection: Connection, request: LeaseRequest, found: Sequence[QueuedPart]) -> None:
    """Lease the parts that nobody else leased since they were found."""
    waiting = request.waiting
    shared = {"line": waiting.line, "reviewer": waiting.reviewer, "blind": request.blind, "until": request.until}
    new = upsert(connection, review_leases)
    taken = {name: new.excluded[name] for name in (*shared, "purpose")}
    free = new.on_conflict_do_update(
        index_elements=[review_leases.c.part], set_=taken, where=review_leases.c.until <= waiting.now
    )
    connection.execute(free, [shared | {"part": each.number, "purpose": each.purpose} for each in found])


def _own(connection: Connection, request: LeaseRequest) -> Sequence[Any]:
    lease = review_leases.c
    order = {purpose: place for place, purpose in enumerate(PURPOSES[request.waiting.list])}
    rows = connection.execute(_leases().where(*_mine(request), lease.until == request.until)).all()
    return sorted(rows, key=lambda row: (order[ReviewPurpose(row.purpose)], row.number))


def _mine(request: LeaseRequest) -> tuple[Any, ...]:
    """Return the conditions of this person's leases in this list that have not ended."""
    lease, waiting = review_leases.c, request.waiting
    purposes = lease.purpose.in_(PURPOSES[waiting.list])
    return (lease.line == waiting.line, lease.reviewer == waiting.reviewer, purposes, lease.until > waiting.now)


def _lease_of(connection: Connection, reviewer: str, result_id: str) -> ReviewLease | None:
    own = (review_leases.c.reviewer == reviewer, parts.c.result_id == result_id)
    row = connection.execute(_leases().where(*own)).first()
    return _lease(row) if row else None


def _leases() -> Select[Any]:
    return select(review_leases, parts.c.result_id, parts.c.number).join(parts, parts.c.number == review_leases.c.part)


def _lease(row: Any) -> ReviewLease:
    purpose = ReviewPurpose(row.purpose)
    return ReviewLease(row.result_id, row.number, row.line, row.reviewer, purpose, row.blind, row.until)
