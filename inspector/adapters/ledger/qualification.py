"""Stores qualifications, and with each of them the right to pass that it grants or takes away."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, insert, select, update

from inspector.adapters.ledger.audit import append_audit
from inspector.adapters.ledger.challenge import parts_of
from inspector.adapters.ledger.database import ledger_errors, open_engine, read
from inspector.adapters.ledger.line_status import grant
from inspector.adapters.ledger.tables import pass_rights, qualifications
from inspector.domain.cameras import Region
from inspector.domain.line_state import PassRight, RightOrigin
from inspector.errors import LedgerError
from inspector.ports.access import AuditEntry
from inspector.ports.challenge import QualificationBasis, QualificationRecord, StoredQualification


class SqlQualificationStore:
    """`ports.QualificationStore` for one database."""

    def __init__(self, url: str) -> None:
        self._url = url

    def record_qualification(self, record: QualificationRecord) -> None:
        engine = open_engine(self._url, writes=True)
        try:
            with ledger_errors("the qualification can't be stored"), engine.begin() as connection:
                store_qualification(connection, record)
        finally:
            engine.dispose()

    def qualifications(self, line: str, limit: int) -> list[StoredQualification]:
        engine = open_engine(self._url, writes=False)
        try:
            return read(engine, _newest, line, limit)
        finally:
            engine.dispose()


def store_qualification(connection: Connection, record: QualificationRecord) -> None:
    """Store it, and grant or revoke the right that it is about, inside the transaction of a connection."""
    _require_same_set(connection, record)
    _insert(connection, record)
    append_audit(connection, _entry(record))
    if record.passed:
        _grant(connection, record)
    else:
        _revoke(connection, record)


def _newest(connection: Connection, line: str, limit: int) -> list[StoredQualification]:
    of_line = select(qualifications).where(qualifications.c.line == line)
    rows = connection.execute(of_line.order_by(qualifications.c.number.desc()).limit(limit))
    names = StoredQualification._fields
    stored = (StoredQualification(*(getattr(row, name) for name in names)) for row in rows)
    return [each._replace(basis=QualificationBasis(each.basis), region=_region(each.region)) for each in stored]


def _region(sides: Sequence[float] | None) -> Region | None:
    return None if sides is None else (sides[0], sides[1], sides[2], sides[3])


def _require_same_set(connection: Connection, record: QualificationRecord) -> None:
    """Refuse a result about another set than the line has now: the parts that are new may be the ones that pass."""
    held = [part.number for part in parts_of(connection, record.line)]
    if record.basis is not QualificationBasis.SHIPPED and held != sorted(record.held):
        raise LedgerError(
            f"the challenge set of {record.line} was changed meanwhile; run again: inspector qualify {record.line}"
        )


def _insert(connection: Connection, record: QualificationRecord) -> None:
    region = None if record.region is None else list(record.region)
    row = record._asdict() | {"figures": dict(record.figures), "missing": list(record.missing), "region": region}
    row["cameras"] = list(record.cameras)
    del row["held"], row["scoring"]
    connection.execute(insert(qualifications), row)


def _entry(record: QualificationRecord) -> AuditEntry:
    names = ("version", "fingerprint", "policy", "basis", "passed", "reason")
    detail = {name: getattr(record, name) for name in names} | {"cameras": list(record.cameras)}
    return AuditEntry(record.author, "qualification.add", record.line, detail, record.at, record.line)


def _grant(connection: Connection, record: QualificationRecord) -> None:
    """Grant the right, unless the line has it already."""
    held = connection.scalars(select(pass_rights.c.cameras).where(_is_same_right(record)))
    if any(set(record.cameras) <= set(cameras) for cameras in held):
        return
    origin, cameras = RightOrigin.QUALIFICATION, tuple(record.cameras)
    right = PassRight(record.fingerprint, record.policy, origin, cameras, scoring=record.scoring)
    grant(connection, right, {name: getattr(record, name) for name in ("line", "reason", "author", "at")})


def _revoke(connection: Connection, record: QualificationRecord) -> None:
    """Take the right of an earlier qualification away. A person's override stays until its end."""
    connection.execute(update(pass_rights).where(_is_same_right(record)).values(revoked_at=record.at))


def _is_same_right(record: QualificationRecord) -> ColumnElement[bool]:
    right = pass_rights.c
    return and_(
        right.line == record.line,
        right.fingerprint == record.fingerprint,
        right.policy == record.policy,
        right.origin == RightOrigin.QUALIFICATION.value,
        right.revoked_at.is_(None),
    )
