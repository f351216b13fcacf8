"""The ledger's writes: each function takes a group of like writes and adds them to one transaction.

All of them may be repeated: existing rows stay as they are. Knows statements, not threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, bindparam, case, func, insert, select, update

from inspector.adapters.ledger.database import upsert, value_pages
from inspector.adapters.ledger.part_sums import (
    CountedDefect,
    count_defects,
    count_parts,
    counted,
    counted_defects,
    counted_row,
)
from inspector.adapters.ledger.rows import (
    Row,
    camera_row,
    decision_row,
    defect_rows,
    event_row,
    evidence_row,
    heat_rows,
    loss_rows,
    opinion_rows,
    outbox_rows,
    part_row,
    vote_rows,
    words_row,
)
from inspector.adapters.ledger.tables import (
    cameras,
    events,
    evidence,
    heat_maps,
    is_pending,
    is_waiting,
    losses,
    outbox,
    part_defects,
    parts,
    reports,
    shadow_votes,
    votes,
)
from inspector.domain.decision import Decision, Reason
from inspector.domain.frame import FrameKey
from inspector.domain.part import Evidence, PartRecord, PartState
from inspector.domain.part_identity import Trigger
from inspector.domain.report import NO_WORDS, Words
from inspector.domain.vote import Vote
from inspector.errors import LedgerError
from inspector.messages.withdrawal import correct_report, report_id
from inspector.ports.broker import OutgoingMessage
from inspector.ports.ledger import CameraActivity, Event, Recorded
from inspector.utc import utc_now


class NewPart(NamedTuple):
    part: PartRecord
    outgoing: tuple[OutgoingMessage, ...]


class FinishedWords(NamedTuple):
    result_id: str
    words: Words
    outgoing: tuple[OutgoingMessage, ...]


class ShadowVotes(NamedTuple):
    result_id: str
    votes: tuple[Vote, ...]


class Withdrawal(NamedTuple):
    result_id: str
    decision: Decision
    payload: bytes
    in_time: bool

    @property
    def is_late(self) -> bool:
        """Whether the verdict was withdrawn because it came too late."""
        return not self.in_time and self.decision.reason is Reason.DEADLINE


def record_parts(connection: Connection, group: Sequence[NewPart]) -> list[Recorded]:
    """Store the parts whose identities are new, with all their children; return for each whether it was."""
    _insert_pictures(connection, [new.part.evidence for new in group if new.part.evidence])
    used = _used_triggers(connection, [new.part.key for new in group])
    numbers = _insert_parts(connection, group)
    # A part that is twice in the group is stored once: the first one takes the number.
    stored = [(numbers.pop(new.part.result_id, None), new) for new in group]
    new_parts = [(number, new) for number, new in stored if number is not None]
    _insert_children(connection, new_parts)
    _count(connection, [new.part for _, new in new_parts])
    return [_recorded(new.part.identity.trigger, used, is_new=number is not None) for number, new in stored]


def _count(connection: Connection, new: Sequence[PartRecord]) -> None:
    count_parts(connection, map(counted, new))
    count_defects(connection, [defect for part in new for defect in _defects(part)])


def _defects(part: PartRecord) -> list[CountedDefect]:
    place = part.decided_at, part.key.line, part.key.camera
    return counted_defects(*place, part.words, is_simulated=part.is_simulated)


def _recorded(trigger: Trigger, used: set[Trigger], *, is_new: bool) -> Recorded:
    if not is_new:
        return Recorded.KNOWN
    recorded = Recorded.REUSED if trigger in used else Recorded.NEW
    used.add(trigger)
    return recorded


def _used_triggers(connection: Connection, keys: Sequence[FrameKey]) -> set[Trigger]:
    """Return the triggers that the ledger already holds among these keys."""
    by_camera: dict[tuple[str, str], list[str]] = {}
    for line, camera, trigger_id in keys:
        by_camera.setdefault((line, camera), []).append(trigger_id)
    return {
        Trigger(FrameKey(line, camera, row.trigger_id), row.unique_by)
        for (line, camera), trigger_ids in by_camera.items()
        for row in connection.execute(
            select(parts.c.trigger_id, parts.c.unique_by)
            .where(parts.c.line == line, parts.c.camera == camera, parts.c.trigger_id.in_(trigger_ids))
            .distinct()
        )
    }


def finish_words(connection: Connection, group: Sequence[FinishedWords]) -> list[None]:
    """Store finished reports. Already finished ones, and their messages, stay as they are."""
    for later in group:
        _finish(connection, later)
    return [None] * len(group)


def withdraw(connection: Connection, group: Sequence[Withdrawal]) -> list[bool]:
    """Withdraw verdicts; return for each whether it could still be changed."""
    return [_withdraw(connection, each) for each in group]


def _withdraw(connection: Connection, withdrawal: Withdrawal) -> bool:
    verdict = update(outbox).where(outbox.c.message_id == withdrawal.result_id, outbox.c.confirms)
    if not withdrawal.in_time:
        verdict = verdict.where(is_waiting)
    if not connection.execute(verdict.values(payload=withdrawal.payload)).rowcount:
        return False
    this_part = parts.c.result_id == withdrawal.result_id
    before = counted_row(connection.execute(select(parts).where(this_part)).one())
    decided = decision_row(withdrawal.decision)
    connection.execute(update(parts).where(this_part).values(late=withdrawal.is_late, **decided))
    after = before._replace(disposition=decided["disposition"], reason=decided["reason"], late=withdrawal.is_late)
    count_parts(connection, [after], [before])
    _correct_report(connection, withdrawal)
    return True


def _correct_report(connection: Connection, withdrawal: Withdrawal) -> None:
    report = (outbox.c.message_id == report_id(withdrawal.result_id)) & is_waiting
    if (written := connection.scalar(select(outbox.c.payload).where(report))) is not None:
        payload = correct_report(written, withdrawal.payload, withdrawal.decision.detail)
        connection.execute(update(outbox).where(report).values(payload=payload))


def confirm(connection: Connection, group: Sequence[Sequence[str]]) -> list[None]:
    now = utc_now()
    confirmed = [{"confirmed": message_id} for message_ids in group for message_id in message_ids]
    message = outbox.c.message_id == bindparam("confirmed")
    _expect_acks(connection, [each["confirmed"] for each in confirmed], now)
    published = update(outbox).where(message, is_waiting).values(published_at=now)
    _execute_many(connection, published, confirmed)
    its_part = select(outbox.c.part).where(message, outbox.c.confirms)
    published = update(parts).where(parts.c.number.in_(its_part), parts.c.state == PartState.DECIDED)
    _execute_many(connection, published.values(state=PartState.PUBLISHED), confirmed)
    return [None] * len(group)


def add_camera_activity(connection: Connection, group: Sequence[Sequence[CameraActivity]]) -> list[None]:
    """Add activity to cameras. Fields that it leaves out stay as they were."""
    seen = [sighting for sightings in group for sighting in sightings]
    new = upsert(connection, cameras)
    old, newest = cameras.c, new.excluded
    added = new.on_conflict_do_update(
        index_elements=[old.line, old.camera],
        set_={
            "known": newest.known,
            "status": func.coalesce(newest.status, old.status),
            "last_seen": case((newest.last_seen > old.last_seen, newest.last_seen), else_=old.last_seen),
            "frames": old.frames + newest.frames,
            "lost": old.lost + newest.lost,
            "resent": old.resent + newest.resent,
            "retained": old.retained + newest.retained,
            "last_seq": func.coalesce(newest.last_seq, old.last_seq),
            "run": func.coalesce(newest.run, old.run),
        },
    )
    _execute_many(connection, added, [camera_row(sighting) for sighting in seen])
    _execute_many(connection, insert(losses), [row for sighting in seen for row in loss_rows(sighting)])
    return [None] * len(group)


def add_events(connection: Connection, group: Sequence[Sequence[Event]]) -> list[None]:
    rows = [event_row(event) for events_ in group for event in events_]
    _execute_many(connection, upsert(connection, events).on_conflict_do_nothing(), rows)
    return [None] * len(group)


def add_shadow(connection: Connection, group: Sequence[ShadowVotes]) -> list[None]:
    """Store shadow votes. Existing ones stay."""
    numbers = _numbers(connection, [shadow.result_id for shadow in group])
    rows = [row for shadow in group for row in vote_rows(numbers[shadow.result_id], shadow.votes)]
    _execute_many(connection, upsert(connection, shadow_votes).on_conflict_do_nothing(), rows)
    return [None] * len(group)


def _expect_acks(connection: Connection, message_ids: Sequence[str], now: datetime) -> None:
    """Set when each published verdict has to be acknowledged, as its line declares."""
    asked = select(outbox.c.message_id, outbox.c.ack_within_ms).join_from(outbox, parts)
    asked = asked.where(parts.c.acknowledged_at.is_(None))
    rows = [
        {"expected": row.message_id, "due": now + timedelta(milliseconds=row.ack_within_ms)}
        for some in value_pages(message_ids)
        for row in connection.execute(
            asked.where(outbox.c.message_id.in_(some), is_waiting, outbox.c.ack_within_ms.is_not(None))
        )
    ]
    due = update(outbox).where(outbox.c.message_id == bindparam("expected")).values(ack_due_at=bindparam("due"))
    _execute_many(connection, due, rows)


def _insert_parts(connection: Connection, group: Sequence[NewPart]) -> dict[str, int]:
    """Return the numbers of new parts by result_id. A result_id of another identity is an error, not a repeat."""
    new = upsert(connection, parts).on_conflict_do_nothing(
        index_elements=[parts.c.line, parts.c.camera, parts.c.trigger_id, parts.c.identity]
    )
    rows = connection.execute(new.returning(parts.c.result_id, parts.c.number), [part_row(new.part) for new in group])
    return {row.result_id: row.number for row in rows}


def _insert_pictures(connection: Connection, pictures: Sequence[Evidence]) -> None:
    """Insert pictures. A removed picture is wanted again: its bytes were stored again before."""
    new = upsert(connection, evidence)
    wanted = new.on_conflict_do_update(
        index_elements=[evidence.c.sha256], set_={"removal": None}, where=evidence.c.removal.is_not(None)
    )
    # always in the same order: two processes that store the same pictures must not deadlock
    rows = {picture.sha256: evidence_row(picture) for picture in pictures}
    _execute_many(connection, wanted, [rows[sha256] for sha256 in sorted(rows)])


def _insert_children(connection: Connection, stored: Sequence[tuple[int, NewPart]]) -> None:
    cast = (row for number, new in stored for row in vote_rows(number, new.part.votes))
    noticed = (row for number, new in stored for row in opinion_rows(number, new.part))
    _insert(connection, votes, [*cast, *noticed])
    _insert(connection, heat_maps, [row for number, new in stored for row in heat_rows(number, new.part)])
    worded = [(number, new.part.words) for number, new in stored if new.part.words != NO_WORDS]
    _insert(connection, reports, [{"part": number} | words_row(words) for number, words in worded])
    _insert(connection, part_defects, [row for number, words in worded for row in defect_rows(number, words)])
    _insert(
        connection,
        outbox,
        [row for number, new in stored for row in outbox_rows(number, new.part.key.line, new.outgoing)],
    )


def _finish(connection: Connection, later: FinishedWords) -> None:
    column = parts.c
    where = select(column.number, column.line, column.camera, column.decided_at, column.is_simulated)
    part = connection.execute(where.where(column.result_id == later.result_id)).first()
    if part is None:
        raise LedgerError(f"no part has result_id {later.result_id!r}; record the part before its words")
    unfinished = update(reports).where(reports.c.part == part.number, is_pending)
    if connection.execute(unfinished.values(words_row(later.words))).rowcount:
        _insert(connection, outbox, outbox_rows(part.number, part.line, later.outgoing))
        _insert(connection, part_defects, defect_rows(part.number, later.words))
        place = part.decided_at, part.line, part.camera
        count_defects(connection, counted_defects(*place, later.words, is_simulated=part.is_simulated))


def _numbers(connection: Connection, result_ids: Sequence[str]) -> dict[str, int]:
    """Return part numbers by result_id. Raises LedgerError for an unknown one."""
    wanted = select(parts.c.result_id, parts.c.number)
    numbers = {
        row.result_id: row.number
        for some in value_pages(result_ids)
        for row in connection.execute(wanted.where(parts.c.result_id.in_(some)))
    }
    unknown = next((result_id for result_id in result_ids if result_id not in numbers), None)
    if unknown is not None:
        raise LedgerError(f"no part has result_id {unknown!r}; record the part before later additions to it")
    return numbers


def _insert(connection: Connection, table: Table[Any], rows: list[Row]) -> None:
    _execute_many(connection, insert(table), rows)


def _execute_many(connection: Connection, statement: Any, rows: list[Row]) -> None:
    """Run a statement for every row. An empty list would run it once, without values."""
    if rows:
        connection.execute(statement, rows)
