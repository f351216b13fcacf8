"""Lets pictures of passed parts go: finds those that nobody needs any more, and marks them. Knows statements only.

A picture is marked DUE before its bytes are removed and DONE after, so that no row promises a picture that is gone
without saying so, and a removal that was cut short is finished by the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection, Row, case, func, or_, select, update

from inspector.adapters.ledger.database import pages, upsert
from inspector.adapters.ledger.tables import evidence, is_due, parts, pipeline_versions, sweeps
from inspector.domain.decision import Reason
from inspector.domain.declared import Disposition
from inspector.domain.pipeline import Retention
from inspector.ports.ledger import ReleasedPictures

PAGE: Final = 500  # parts gone through in one transaction: others wait to write meanwhile


class Release(NamedTuple):
    """A step along one line's passed parts."""

    line: str
    retention: Retention
    now: datetime

    @property
    def horizon(self) -> datetime:
        return self.now - timedelta(hours=self.retention.after_hours)


def keeps(share: float, sha256: str) -> bool:
    """Whether a picture is among the share that stays. Its hash decides, so that the answer is always the same."""
    return int(sha256[:8], 16) < share * 2**32


def release(connection: Connection, group: Sequence[Release]) -> list[ReleasedPictures]:
    return [_release(connection, step) for step in group]


def note_removed(connection: Connection, group: Sequence[Sequence[str]]) -> list[None]:
    """A picture that was stored again meanwhile is not marked any more, and stays as it is."""
    for some in pages([sha256 for sha256s in group for sha256 in sha256s]):
        connection.execute(update(evidence).where(evidence.c.sha256.in_(some), is_due).values(removal="DONE"))
    return [None] * len(group)


def _release(connection: Connection, step: Release) -> ReleasedPictures:
    page = _page(connection, step)
    if page:
        _advance(connection, step, page[-1].number)
        _mark(connection, {row.evidence for row in page if row.evidence is not None})
    due = connection.scalars(select(evidence.c.sha256).where(is_due).limit(PAGE)).all()
    return ReleasedPictures(tuple(due), more=len(page) == PAGE)


def _mark(connection: Connection, pictures: set[str]) -> None:
    unneeded = pictures - _needed(connection, sorted(pictures)) - _golden(connection)
    for some in pages(sorted(unneeded)):
        unmarked = evidence.c.sha256.in_(some) & evidence.c.removal.is_(None)
        connection.execute(update(evidence).where(unmarked).values(removal="DUE"))


def _page(connection: Connection, step: Release) -> Sequence[Row[int, str | None, datetime]]:
    """The next passed parts of the line that are old enough, in the order in which they came. A part from the
    future is old: the clock was wrong, and nobody shall wait for it to be right."""
    done = select(sweeps.c.number).where(sweeps.c.line == step.line, sweeps.c.share == step.retention.pass_pictures)
    passed = (parts.c.reason == Reason.NO_DEFECT, parts.c.disposition == Disposition.PASS)
    later = parts.c.number > (connection.scalar(done) or 0)
    wanted = select(parts.c.number, parts.c.evidence, parts.c.decided_at).where(
        parts.c.line == step.line, *passed, later
    )
    rows = connection.execute(wanted.order_by(parts.c.number).limit(PAGE)).all()
    young = next((at for at, row in enumerate(rows) if step.horizon <= row.decided_at <= step.now), len(rows))
    return rows[:young]


def _needed(connection: Connection, pictures: Sequence[str]) -> set[str]:
    """Those that any part of any line still needs: one that did not pass, that was reviewed, that its line has not
    gone through yet, or whose line keeps it."""
    part, sweep = parts.c, sweeps.c
    ahead = part.number > func.coalesce(sweep.number, 0)
    stays = or_(part.disposition != Disposition.PASS, part.reviewed_at.is_not(None), ahead)
    share = func.max(case((stays, 1.0), else_=sweep.share)).label("share")
    asked = select(part.evidence, share).outerjoin_from(parts, sweeps, part.line == sweep.line)
    needed: set[str] = set()
    for some in pages(pictures):
        rows = connection.execute(asked.where(part.evidence.in_(some)).group_by(part.evidence))
        needed |= {row.evidence for row in rows if keeps(row.share, row.evidence)}
    return needed


def _golden(connection: Connection) -> set[str]:
    """Golden samples of every version: an older one may be applied again."""
    return {sha256 for golden in connection.scalars(select(pipeline_versions.c.golden)) for sha256 in golden}


def _advance(connection: Connection, step: Release, number: int) -> None:
    """A line that keeps another share begins anew."""
    here = {"share": step.retention.pass_pictures, "number": number}
    row = upsert(connection, sweeps).values(line=step.line, **here)
    connection.execute(row.on_conflict_do_update(index_elements=[sweeps.c.line], set_=here))
