"""Reads the audit and stores its chain of seals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select
from sqlalchemy.exc import IntegrityError

from inspector.adapters.ledger.database import ledger_errors, open_engine, read
from inspector.adapters.ledger.tables import audit, audit_seals
from inspector.ports.access import AuditEntry, AuditFilter, AuditRecord, AuditSeal, SealedRecord
from inspector.text import printable


class SqlAuditStore:
    """`ports.AuditStore` for one database. `close` frees its connections."""

    def __init__(self, url: str) -> None:
        self._reading = open_engine(url, writes=False)
        self._writing = open_engine(url, writes=True)

    def close(self) -> None:
        self._reading.dispose()
        self._writing.dispose()

    def entries(self, wanted: AuditFilter, limit: int) -> list[AuditRecord]:
        query = select(audit).order_by(audit.c.number.desc()).limit(limit)
        for name in ("line", "actor", "action", "subject"):
            if (value := getattr(wanted, name)) is not None:
                query = query.where(audit.c[name] == printable(value))
        if wanted.before is not None:
            query = query.where(audit.c.number < wanted.before)
        if wanted.lines is not None:
            query = query.where(audit.c.line.in_(wanted.lines))
        return read(self._reading, _records, query)

    def newest_seal(self) -> AuditSeal | None:
        return read(self._reading, _newest_seal)

    def unsealed(self, after: int, limit: int) -> list[AuditRecord]:
        return read(self._reading, _records, _unsealed(after).order_by(audit.c.number).limit(limit))

    def unsealed_count(self) -> int:
        count = select(func.count()).select_from(_unsealed(0).subquery())
        return read(self._reading, lambda connection: connection.scalar(count) or 0)

    def add_seals(self, seals: Sequence[AuditSeal]) -> bool:
        with ledger_errors("the audit can't be sealed"):
            try:
                with self._writing.begin() as connection:
                    connection.execute(insert(audit_seals), [seal._asdict() for seal in seals])
            except IntegrityError:
                return False
        return True

    def sealed(self, after: int, limit: int) -> list[SealedRecord]:
        return read(self._reading, _sealed, after, limit)


def _unsealed(after: int) -> Select[Any]:
    has_seal = select(audit_seals.c.entry).where(audit_seals.c.entry == audit.c.number).exists()
    return select(audit).where(audit.c.number > after, ~has_seal)


def _records(connection: Connection, query: Select[Any]) -> list[AuditRecord]:
    return [_record(row) for row in connection.execute(query)]


def _newest_seal(connection: Connection) -> AuditSeal | None:
    row = connection.execute(select(audit_seals).order_by(audit_seals.c.position.desc()).limit(1)).first()
    return None if row is None else AuditSeal(row.position, row.entry, row.seal)


def _sealed(connection: Connection, after: int, limit: int) -> list[SealedRecord]:
    pair = select(audit_seals, audit).outerjoin(audit, audit.c.number == audit_seals.c.entry)
    chain = pair.where(audit_seals.c.position > after).order_by(audit_seals.c.position).limit(limit)
    return [
        SealedRecord(AuditSeal(row.position, row.entry, row.seal), None if row.number is None else _record(row))
        for row in connection.execute(chain)
    ]


def _record(row: Any) -> AuditRecord:
    return AuditRecord(row.number, AuditEntry(row.actor, row.action, row.subject, row.detail, row.at, row.line))
