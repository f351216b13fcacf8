"""Finds pictures of passed parts that nothing needs any more, and marks them for removal.

A picture is marked DUE before its bytes are removed and DONE after. No row then refers to a missing picture without
saying so, and the next step finishes an interrupted removal. `_unneeded` is the only rule, and it is asked twice:
before a picture is marked, and again just before its bytes are removed. What makes a picture needed unmarks nothing.
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
    drafts,
    evidence,
    heat_maps,
    is_due,
    is_in_challenge_set,
    is_open_draft,
    parts,
    pipeline_versions,
    remembered_pictures,
    sweeps,
)
from inspector.domain.decision import Reason
from inspector.domain.declared import Disposition
from inspector.domain.pipeline import Retention

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


class DuePictures(NamedTuple):
    """Some of the marked pictures: those that may go, and those that something needs since they were marked."""

    unneeded: tuple[str, ...]
    needed: tuple[str, ...]


def release(connection: Connection, group: Sequence[RetentionStep]) -> list[bool]:
    """Mark pictures; return for each step whether further parts remain."""
    return [_release(connection, step) for step in group]


def due_pictures(connection: Connection, limit: int) -> DuePictures:
    due = set(connection.scalars(select(evidence.c.sha256).where(is_due).limit(limit)))
    unneeded = _unneeded(connection, due)
    return DuePictures(tuple(sorted(unneeded)), tuple(sorted(due - unneeded)))


def unmark(connection: Connection, group: Sequence[Sequence[str]]) -> list[None]:
    """Unmark pictures that something needs, unless their bytes are gone."""
    for some in value_pages([sha256 for sha256s in group for sha256 in sha256s]):
        connection.execute(update(evidence).where(evidence.c.sha256.in_(some), is_due).values(removal=None))
    return [None] * len(group)


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


def _release(connection: Connection, step: RetentionStep) -> bool:
    done = _done(connection, step)
    page = _page(connection, step, done or 0)
    if page or done is None:
        _advance(connection, step, page[-1].number if page else 0)
    if page:
        _mark(connection, {row.evidence for row in page if row.evidence is not None})
    return len(page) == PARTS_PER_STEP


def _unneeded(connection: Connection, pictures: set[str]) -> set[str]:
    return pictures - _needed(connection, sorted(pictures)) - pinned(connection) if pictures else set()


def _mark(connection: Connection, pictures: set[str]) -> None:
    for some in value_pages(sorted(_unneeded(connection, pictures))):
        unmarked = evidence.c.sha256.in_(some) & evidence.c.removal.is_(None)
        connection.execute(update(evidence).where(unmarked).values(removal="DUE"))


def _done(connection: Connection, step: RetentionStep) -> int | None:
    """Return the number of the last part that was examined for this share; None where none was."""
    same = (sweeps.c.line == step.line, sweeps.c.share == step.retention.pass_pictures)
    return connection.scalar(select(sweeps.c.number).where(*same))


def _page(connection: Connection, step: RetentionStep, done: int) -> Sequence[Row[int, str | None, datetime]]:
    """Return the next passed parts of the line that are old enough, in order of arrival.

    A part from the future counts as old: a clock was wrong, and nothing should wait for it.
    """
    passed = (parts.c.reason == Reason.NO_DEFECT, parts.c.disposition == Disposition.PASS)
    wanted = select(parts.c.number, parts.c.evidence, parts.c.decided_at).where(
        parts.c.line == step.line, *passed, parts.c.number > done
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
    """Unmark pictures whose bytes were stored again, and that something pins from now on."""
    for some in value_pages(pictures):
        connection.execute(update(evidence).where(evidence.c.sha256.in_(some)).values(removal=None))


def pinned(connection: Connection) -> set[str]:
    """Return the pictures that stay whatever happens to their parts: golden samples, challenge sets, taught models,
    memories and the parts in them.

    Every version counts, because an older one may be applied again, and every open draft.
    """
    versions = select(pipeline_versions.c.golden, pipeline_versions.c.declaration)
    drafted = select(drafts.c.golden, drafts.c.declaration).where(is_open_draft)
    rows = [*connection.execute(versions), *connection.execute(drafted)]
    golden = {sha256 for row in rows for sha256 in row.golden}
    declared = [row.declaration for row in rows]
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
