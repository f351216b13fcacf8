"""Queries that both sides of the ledger use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, Select, func, literal, select

from inspector.adapters.ledger.camera_states import paused_cameras
from inspector.adapters.ledger.database import value_pages
from inspector.adapters.ledger.declarations import pipeline_of
from inspector.adapters.ledger.rows import heat_of, outgoing_of, part_of, review_of
from inspector.adapters.ledger.tables import (
    cameras,
    evidence,
    heat_maps,
    is_pending,
    is_review_message,
    is_waiting,
    line_states,
    outbox,
    parts,
    pass_rights,
    pipeline_versions,
    reports,
    reviews,
    votes,
)
from inspector.domain.heat_map import HeatMap
from inspector.domain.line_state import LineState, LineStatus, PassRight, RightOrigin
from inspector.domain.part import PartRecord
from inspector.domain.pipeline import Pipeline
from inspector.domain.review import Review
from inspector.domain.truth import truth_of
from inspector.errors import LedgerError
from inspector.ports.archive import PartReviews, PartRow
from inspector.ports.broker import OutgoingMessage
from inspector.ports.ledger import CameraRow, PipelineVersion
from inspector.ports.reviews import ListedReview

NEW_LINE: Final = LineStatus(LineState.COMMISSIONING)


def unfinished_words(connection: Connection, lines: Sequence[str]) -> list[PartRecord]:
    """Return parts whose report is pending. Those of other lines are few too: reports are pending for seconds."""
    numbers = connection.scalars(select(reports.c.part).where(is_pending).order_by(reports.c.part)).all()
    return [row.part for row in load(connection, numbers) if row.part.key.line in lines]


def unpublished(connection: Connection, lines: Sequence[str] | None, limit: int) -> list[OutgoingMessage]:
    return _outgoing(connection, is_waiting, lines, limit)


def review_messages(connection: Connection, lines: Sequence[str] | None, limit: int) -> list[OutgoingMessage]:
    return _outgoing(connection, is_review_message, lines, limit)


def _outgoing(
    connection: Connection, which: ColumnElement[bool], lines: Sequence[str] | None, limit: int
) -> list[OutgoingMessage]:
    waiting = select(outbox).where(which).order_by(outbox.c.number).limit(limit)
    if lines is not None:
        waiting = waiting.where(outbox.c.line.in_(lines))
    return [outgoing_of(row) for row in connection.execute(waiting)]


def newest_pipelines(connection: Connection) -> list[PipelineVersion]:
    """Return the newest version of every line with the line's status, by line."""
    rows, statuses = connection.execute(newest_versions()).all(), line_statuses(connection)
    return [
        PipelineVersion(_pipeline(row), row.version, tuple(row.golden), statuses.get(row.line, NEW_LINE))
        for row in rows
    ]


def line_statuses(connection: Connection) -> dict[str, LineStatus]:
    """Return the state and the rights of every line that people gave either."""
    every = line_states.c
    newest = select(func.max(every.number)).group_by(every.line)
    rows = connection.execute(select(every.line, every.state, every.number).where(every.number.in_(newest)))
    given = {row.line: LineStatus(LineState(row.state), number=row.number) for row in rows}
    rights, paused = _pass_rights(connection), paused_cameras(connection)
    return {
        line: replace(
            given.get(line, NEW_LINE),
            rights=tuple(rights.get(line, ())),
            paused_cameras=paused.get(line, frozenset()),
        )
        for line in given.keys() | rights.keys() | paused.keys()
    }


def _pass_rights(connection: Connection) -> dict[str, list[PassRight]]:
    found: dict[str, list[PassRight]] = defaultdict(list)
    given = select(pass_rights).where(pass_rights.c.revoked_at.is_(None)).order_by(pass_rights.c.number)
    for row in connection.execute(given):
        given_by = RightOrigin(row.origin), tuple(row.cameras), row.until, row.reason
        found[row.line].append(PassRight(row.fingerprint, row.policy, *given_by, row.scoring))
    return found


def newest_versions() -> Select[Any]:
    every = pipeline_versions.c
    newest = select(every.line, func.max(every.version).label("version")).group_by(every.line).subquery()
    is_newest = (every.line == newest.c.line) & (every.version == newest.c.version)
    return select(pipeline_versions).join(newest, is_newest).order_by(every.line)


def all_cameras(connection: Connection) -> list[CameraRow]:
    rows = connection.execute(select(cameras).order_by(cameras.c.line, cameras.c.camera))
    return [CameraRow(**row) for row in rows.mappings()]


def heat_map_of(connection: Connection, result_id: str) -> HeatMap | None:
    own = select(heat_maps).join(parts, parts.c.number == heat_maps.c.part).where(parts.c.result_id == result_id)
    row = connection.execute(own).first()
    return heat_of(row) if row else None


def load(connection: Connection, numbers: Sequence[int], *, texts: bool = True) -> list[PartRow]:
    """Return the parts of these numbers in this order. Without `texts` the votes' texts are left out."""
    loaded: dict[int, PartRow] = {}
    for some in value_pages(numbers):
        loaded |= _load(connection, some, texts=texts)
    return [loaded[number] for number in numbers if number in loaded]


def part_reviews(connection: Connection, numbers: Sequence[int]) -> dict[int, PartReviews]:
    """Return all reviews of each part, and the truth that they come to."""
    every = _reviews().order_by(reviews.c.number)
    found: dict[int, list[Review]] = defaultdict(list)
    for some in value_pages(numbers):
        for row in connection.execute(every.where(reviews.c.part.in_(some))):
            found[row.part].append(review_of(row))
    return {number: PartReviews(truth_of(rows), tuple(rows)) for number, rows in found.items()}


def reviews_of_part(connection: Connection, result_id: str) -> list[Review]:
    own = _reviews().where(parts.c.result_id == result_id).order_by(reviews.c.number)
    return [review_of(row) for row in connection.execute(own)]


def review_page(
    connection: Connection, line: str | None, before: int | None, limit: int, lines: Sequence[str] | None
) -> list[ListedReview]:
    """List reviews, newest first."""
    page = _reviews().order_by(reviews.c.number.desc()).limit(limit)
    if line is not None:
        page = page.where(parts.c.line == line)
    if lines is not None:
        page = page.where(parts.c.line.in_(lines))
    if before is not None:
        page = page.where(reviews.c.number < before)
    return [ListedReview(row.number, review_of(row)) for row in connection.execute(page)]


def _reviews() -> Select[Any]:
    return select(reviews, parts.c.result_id).join(parts, parts.c.number == reviews.c.part)


def _load(connection: Connection, numbers: Sequence[int], *, texts: bool) -> dict[int, PartRow]:
    cast = _votes(connection, numbers, texts=texts)
    whole = (
        select(parts, reports, evidence)
        .outerjoin_from(parts, reports, reports.c.part == parts.c.number)
        .outerjoin(evidence, evidence.c.sha256 == parts.c.evidence)
        .where(parts.c.number.in_(numbers))
    )
    rows = connection.execute(whole).all()
    return {row.number: PartRow(row.number, part_of(row, cast.get(row.number, ()))) for row in rows}


def _votes(connection: Connection, numbers: Sequence[int], *, texts: bool) -> dict[int, list[Any]]:
    every = votes.c
    text = every.text if texts else literal("").label("text")
    cast = select(
        every.part, every.view, every.rung, every.p_ng, every.p_true, every.readable, every.tokens, every.ms, text
    )
    rows = connection.execute(cast.where(every.part.in_(numbers)).order_by(every.part, every.position))
    return {part: list(group) for part, group in groupby(rows, key=lambda row: row.part)}


def _pipeline(row: Any) -> Pipeline:
    try:
        return pipeline_of(row.declaration)
    except ValidationError as error:
        raise LedgerError(
            f"version {row.version} of line {row.line} was stored under another grammar; apply its declaration again"
        ) from error
