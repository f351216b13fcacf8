"""Lists events, and stores who took note of them."""

from __future__ import annotations

from dataclasses import fields
from operator import eq, ge, gt, lt
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, insert, select, update

from inspector.adapters.ledger.audit import append_audit
from inspector.adapters.ledger.database import ledger_errors, open_engine
from inspector.adapters.ledger.rows import event_row
from inspector.adapters.ledger.tables import compared, events, is_unnoted
from inspector.ports.access import AuditEntry
from inspector.ports.archive import Acknowledgement, EventFilter, EventRow
from inspector.ports.ledger import Event

EVENT_FIELDS: Final = tuple(field.name for field in fields(Event))
EQUAL_COLUMNS: Final = ("line", "camera", "kind", "severity")


class SqlEventStore:
    """Events that the console stores: `ports.AcknowledgementStore`, and events about itself. Thread-safe."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url, writes=True)

    def close(self) -> None:
        self._engine.dispose()

    def acknowledge_event(self, event_id: str, given: Acknowledgement) -> Acknowledgement | None:
        with ledger_errors("the event can't be acknowledged"), self._engine.begin() as connection:
            return _acknowledge(connection, event_id, given)

    def add_event(self, event: Event) -> None:
        with ledger_errors("the event can't be stored"), self._engine.begin() as connection:
            connection.execute(insert(events), event_row(event))


def event_page(connection: Connection, wanted: EventFilter, limit: int) -> list[EventRow]:
    """List events, newest first."""
    number = events.c.number
    page = select(events).where(*_fits(wanted)).limit(limit)
    rows = connection.execute(page.order_by(number.desc() if wanted.after is None else number))
    listed = [_event_of(row) for row in rows]
    return listed if wanted.after is None else listed[::-1]


def event_by_id(connection: Connection, event_id: str) -> EventRow | None:
    row = connection.execute(select(events).where(events.c.event_id == event_id)).first()
    return _event_of(row) if row else None


def _fits(wanted: EventFilter) -> list[ColumnElement[bool]]:
    event = events.c
    fits = [each for name in EQUAL_COLUMNS for each in compared(event[name], (eq, getattr(wanted, name)))]
    fits += compared(event.at, (ge, wanted.since), (lt, wanted.until))
    fits += compared(event.number, (lt, wanted.before), (gt, wanted.after))
    if wanted.acknowledged is not None:
        fits.append(is_unnoted if not wanted.acknowledged else ~is_unnoted)
    return fits if wanted.lines is None else [*fits, event.line.in_(wanted.lines)]


def _event_of(row: Any) -> EventRow:
    event = Event(**{name: getattr(row, name) for name in EVENT_FIELDS})
    given = Acknowledgement(row.acknowledged_by, row.acknowledged_at) if row.acknowledged_at else None
    return EventRow(row.number, event, given)


def _acknowledge(connection: Connection, event_id: str, given: Acknowledgement) -> Acknowledgement | None:
    unset = update(events).where(events.c.event_id == event_id, events.c.acknowledged_at.is_(None))
    changed = connection.execute(unset.values(acknowledged_by=given.by, acknowledged_at=given.at)).rowcount
    found = event_by_id(connection, event_id)
    if found is None:
        return None
    if changed:
        event = found.event
        detail = {"kind": event.kind, "severity": event.severity, "camera": event.camera}
        append_audit(connection, AuditEntry(given.by, "event.acknowledge", event_id, detail, given.at, event.line))
    return found.acknowledgement
