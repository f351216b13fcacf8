"""Finds pictures of passed parts that no part needs any more, and marks them for removal.

A picture is marked DUE before its bytes are removed and DONE after. No row then refers to a missing picture without
saying so, and the next step finishes an interrupted removal.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection, Row, case, delete, func, or_, select, update

from inspector.adapters.ledger.database import upsert, value_pages
from inspector.adapters.ledger.rows import REMOVED
from inspector.adapters.ledger.tables import (
    challenge_parts,
    evidence,
    heat_maps,
    is_due,
    is_in_challenge_set,
    parts,
    pipeline_versions,
    remembered_pictures,
    sweeps,
)
from inspector.domain.decision import Reason
from inspector.domain.declared import Disposition
from inspector.domain.pipeline import Retention
from inspector.ports.ledger import ReleasedPictures

PARTS_PER_STEP: Final = 500  # parts per transaction: other writes wait meanwhile


class RetentionStep(NamedTuple):
    """A step along one line's passed parts."""

    line: str
    retention: Retention
    now: datetime

    @property
    def horizon(self) -> datetime:
        return self.now - timedelta(hours=self.retention.after_hours)


def is_kept(share: float, sha256: str) -> bool:
    """Return whether a picture belongs to the share that stays. Its hash decides, so the answer never changes."""
    return int(sha256[:8], 16) < share * 2**32


def release(connection: Connection, group: Sequence[RetentionStep]) -> list[ReleasedPictures]:
    return [_release(connection, step) for step in group]


def note_removed(connection: Connection, group: Sequence[Sequence[str]]) -> list[None]:
    """Mark pictures as removed. One that was stored again meanwhile is no longer marked and stays."""
    for some in value_pages([sha256 for sha256s in group for sha256 in sha256s]):
        connection.execute(update(evidence).where(evidence.c.sha256.in_(some), is_due).values(removal=REMOVED))
        _forget_heat(connection, some)
    return [None] * len(group)


def _forget_heat(connection: Connection, pictures: Sequence[str]) -> None:
    """Remove the heat maps that lay over pictures which are gone."""
    gone = select(evidence.c.sha256).where(evidence.c.sha256.in_(pictures), evidence.c.removal == REMOVED)
    shown = select(parts.c.number).where(parts.c.evidence.in_(gone))
    connection.execute(delete(heat_maps).where(heat_maps.c.part.in_(shown)))


def _release(connection: Connection, step: RetentionStep) -> ReleasedPictures:
    page = _page(connection, step)
    if page:
        _advance(connection, step, page[-1].number)
        _mark(connection, {row.evidence for row in page if row.evidence is not None})
    due = connection.scalars(select(evidence.c.sha256).where(is_due).limit(PARTS_PER_STEP)).all()
    return ReleasedPictures(tuple(due), more=len(page) == PARTS_PER_STEP)


def _mark(connection: Connection, pictures: set[str]) -> None:
    unneeded = pictures - _needed(connection, sorted(pictures)) - pinned(connection)
    for some in value_pages(sorted(unneeded)):
        unmarked = evidence.c.sha256.in_(some) & evidence.c.removal.is_(None)
        connection.execute(update(evidence).where(unmarked).values(removal="DUE"))


def _page(connection: Connection, step: RetentionStep) -> Sequence[Row[int, str | None, datetime]]:
    """Return the next passed parts of the line that are old enough, in order of arrival.

    A part from the future counts as old: a clock was wrong, and nothing should wait for it.
    """
    done = select(sweeps.c.number).where(sweeps.c.line == step.line, sweeps.c.share == step.retention.pass_pictures)
    passed = (parts.c.reason == Reason.NO_DEFECT, parts.c.disposition == Disposition.PASS)
    later = parts.c.number > (connection.scalar(done) or 0)
    wanted = select(parts.c.number, parts.c.evidence, parts.c.decided_at).where(
        parts.c.line == step.line, *passed, later
    )
    rows = connection.execute(wanted.order_by(parts.c.number).limit(PARTS_PER_STEP)).all()
    young = next((at for at, row in enumerate(rows) if step.horizon <= row.decided_at <= step.now), len(rows))
    return rows[:young]


def _needed(connection: Connection, pictures: Sequence[str]) -> set[str]:
    """Return the pictures that a part of any line needs: not passed, reviewed, not examined yet, or kept."""
    part, sweep = parts.c, sweeps.c
    ahead = part.number > func.coalesce(sweep.number, 0)
    stays = or_(part.disposition != Disposition.PASS, part.reviewed_at.is_not(None), ahead)
    share = func.max(case((stays, 1.0), else_=sweep.share)).label("share")
    asked = select(part.evidence, share).outerjoin_from(parts, sweeps, part.line == sweep.line)
    needed: set[str] = set()
    for some in value_pages(pictures):
        rows = connection.execute(asked.where(part.evidence.in_(some)).group_by(part.evidence))
        needed |= {row.evidence for row in rows if is_kept(row.share, row.evidence)}
    return needed


def keep_pictures(connection: Connection, pictures: Sequence[str]) -> None:
    """Unmark pictures that were about to be removed, and that something pins from now on."""
    for some in value_pages(pictures):
        connection.execute(update(evidence).where(evidence.c.sha256.in_(some)).values(removal=None))


def pinned(connection: Connection) -> set[str]:
    """Return the pictures that stay whatever happens to their parts: golden samples, challenge sets, taught models,
    memories and the parts in them.

    Golden samples of every version count: an older version may be applied again.
    """
    golden = {sha256 for golden in connection.scalars(select(pipeline_versions.c.golden)) for sha256 in golden}
    declared = connection.scalars(select(pipeline_versions.c.declaration)).all()
    taught = {model for each in declared if (model := (each.get("second_opinion") or {}).get("model"))}
    memories = {memory for each in declared if (memory := each.get("similar_parts"))}
    challenge = connection.scalars(select(challenge_parts.c.sha256).where(is_in_challenge_set))
    return golden.union(taught, memories, _remembered(connection, memories), challenge)


def _remembered(connection: Connection, memories: Collection[str]) -> set[str]:
    kept, found = select(remembered_pictures.c.sha256), set[str]()
    for some in value_pages(sorted(memories)):
        found.update(connection.scalars(kept.where(remembered_pictures.c.memory.in_(some))))
    return found


def _advance(connection: Connection, step: RetentionStep, number: int) -> None:
    """Store the progress. A line whose share changed starts again."""
    here = {"share": step.retention.pass_pictures, "number": number}
    row = upsert(connection, sweeps).values(line=step.line, **here)
    connection.execute(row.on_conflict_do_update(index_elements=[sweeps.c.line], set_=here))
