"""Queries of parts by what names them: an identity, or a key that several parts may share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, select

from inspector.adapters.ledger.database import value_pages
from inspector.adapters.ledger.rows import outgoing_of
from inspector.adapters.ledger.tables import outbox, parts
from inspector.domain.frame import FrameKey
from inspector.domain.part_identity import PartIdentity, Trigger
from inspector.messages.withdrawal import gate_deadline
from inspector.ports.ledger import OpenPart, PartCandidate, StoredVerdict

MAX_CANDIDATES: Final = 20  # parts of one key that are listed
LONGEST_OPEN: Final = timedelta(minutes=12)  # the longest deadline, 10 minutes, and what follows it


def has_key(key: FrameKey) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that all parts with this key meet."""
    return parts.c.line == key.line, parts.c.camera == key.camera, parts.c.trigger_id == key.trigger_id


def find(connection: Connection, identity: PartIdentity) -> StoredVerdict | None:
    """Return the part of this identity with its verdict message, if it has one."""
    its_own = (*has_key(identity.key), parts.c.identity == identity.digest)
    row = connection.execute(
        select(parts.c.result_id, outbox).outerjoin_from(parts, outbox, _verdict()).where(*its_own)
    ).first()
    if row is None:
        return None
    return StoredVerdict(row.result_id, outgoing_of(row) if row.message_id is not None else None)


def candidates(connection: Connection, key: FrameKey) -> list[PartCandidate]:
    """Return the parts that this key may mean, the newest first."""
    newest = select(parts).where(*has_key(key)).order_by(parts.c.number.desc()).limit(MAX_CANDIDATES)
    return [PartCandidate(row.result_id, identity_of_row(row), row.received_at) for row in connection.execute(newest)]


def named(connection: Connection, result_id: str) -> PartCandidate | None:
    """Return the part of this result, or None."""
    row = connection.execute(select(parts).where(parts.c.result_id == result_id)).first()
    return None if row is None else PartCandidate(row.result_id, identity_of_row(row), row.received_at)


def open_parts(connection: Connection, now: datetime, after_gate: timedelta) -> list[OpenPart]:
    """Return parts for which a gate may still wait, or has stopped to wait less than `after_gate` ago."""
    timed = select(parts.c.number, parts.c.received_at, parts.c.deadline_ms).where(
        parts.c.decided_at >= now - LONGEST_OPEN
    )
    numbers = [row.number for row in connection.execute(timed) if _latest_gate(row) + after_gate > now]
    return [part for some in value_pages(numbers) for part in _open_parts(connection, some)]


def identity_of_row(row: Any) -> PartIdentity:
    """Return the identity of a row of `parts`."""
    key = FrameKey(row.line, row.camera, row.trigger_id)
    return PartIdentity(Trigger(key, row.unique_by), row.received_sha256, row.part_id or "")


def _verdict() -> ColumnElement[bool]:
    return (outbox.c.part == parts.c.number) & outbox.c.confirms


def _latest_gate(row: Any) -> datetime:
    """Return when the gate stops to wait at the latest: its deadline counts from capture, which is not later."""
    latest: datetime = row.received_at + timedelta(milliseconds=row.deadline_ms)
    return latest


def _open_parts(connection: Connection, numbers: Sequence[int]) -> list[OpenPart]:
    wanted = select(parts, outbox.c.payload).outerjoin_from(parts, outbox, _verdict())
    rows = connection.execute(wanted.where(parts.c.number.in_(numbers)).order_by(parts.c.number))
    return [OpenPart(row.result_id, identity_of_row(row), _gate_by(row)) for row in rows]


def _gate_by(row: Any) -> datetime:
    """Return the verdict's own time; the latest possible one where the part has none."""
    return (gate_deadline(row.payload) if row.payload else None) or _latest_gate(row)
