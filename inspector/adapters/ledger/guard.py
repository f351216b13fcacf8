"""Reads what the guard of a line counts, and pauses the line for it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select, union_all

from inspector.adapters.ledger.line_status import store_status
from inspector.adapters.ledger.part_search import OUTCOMES
from inspector.adapters.ledger.tables import line_states, parts, pipeline_versions
from inspector.domain.decision import Verdict
from inspector.domain.declared import Disposition
from inspector.domain.line_state import LineState
from inspector.ports.guard import GUARD_AUTHOR, GuardedPart, GuardPause
from inspector.ports.lines import StatusChange
from inspector.utc import utc_now


def guarded_parts(connection: Connection, line: str, after: int, limit: int) -> list[GuardedPart]:
    """Return the newest judged parts of a line, oldest first, from the end of each outcome's range in an index."""
    part = parts.c
    walks = [
        select(
            select(part.number)
            .where(part.line == line, part.reason == reason, part.disposition == disposition, part.number > after)
            .order_by(part.number.desc())
            .limit(limit)
            .subquery()
            .c.number
        )
        for reason, disposition in OUTCOMES
    ]
    newest = select(union_all(*walks).subquery().c.number.label("number"))
    bounded = newest.order_by(newest.selected_columns.number.desc()).limit(limit).subquery()
    judged = select(part.number, part.pipeline_version, part.would_be_verdict, part.would_be_disposition).where(
        part.number.in_(select(bounded.c.number)), part.vote_count > 0
    )
    return [
        GuardedPart(number, version, verdict == Verdict.NG and disposition == Disposition.REJECT)
        for number, version, verdict, disposition in connection.execute(judged.order_by(part.number))
    ]


def pause_for_guard(connection: Connection, pauses: Sequence[GuardPause]) -> list[bool]:
    return [_pause(connection, each) for each in pauses]


def _pause(connection: Connection, pause: GuardPause) -> bool:
    state, version = line_states.c, pipeline_versions.c
    newest = select(state.state).where(state.line == pause.line).order_by(state.number.desc()).limit(1)
    made_at = connection.scalar(
        select(version.created_at).where(version.line == pause.line, version.version == pause.version)
    )
    earlier = select(func.count()).where(state.line == pause.line, state.author == GUARD_AUTHOR, state.at > made_at)
    if connection.scalar(newest) != LineState.LIVE or connection.scalar(earlier):
        return False
    change = StatusChange(pause.line, LineState.PAUSED, (), pause.reason, GUARD_AUTHOR)
    store_status(connection, change, utc_now())
    return True
