"""Queries of what became known about a line's parts after their decisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import takewhile
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, Select, func, select, union_all

from inspector.adapters.ledger.database import value_pages
from inspector.adapters.ledger.declarations import pipeline_of
from inspector.adapters.ledger.reads import load, part_reviews
from inspector.adapters.ledger.rows import vote_of
from inspector.adapters.ledger.tables import parts, pipeline_versions, shadow_votes, truths
from inspector.domain.cameras import ANY_CAMERA
from inspector.domain.decision import JUDGED_REASONS, Reason
from inspector.domain.declared import Disposition
from inspector.domain.part_history import History, PartHistory
from inspector.domain.review import Review, ReviewLabel
from inspector.domain.truth import IS_NG, Truth
from inspector.domain.vote import Vote
from inspector.ports.archive import PartReviews, PartRow
from inspector.ports.lines import JudgedCamera

COUNTED: Final = select(truths.c.part).where(truths.c.label.in_(IS_NG))  # parts whose truth is OK or NG


def fingerprint(connection: Connection, line: str, camera: str | None = None) -> str | None:
    """Return the fingerprint of the newest part under the declaration: versions since scores last changed share it.

    Cameras with the same region share it too. `camera` None means the first one of the line.
    """
    every = select(pipeline_versions).where(pipeline_versions.c.line == line)
    rows = connection.execute(every.order_by(pipeline_versions.c.version.desc())).all()
    sharing = _sharing_region(rows[0], camera) if rows else []
    alike = [row.version for row in takewhile(lambda row: _scores(row, sharing) == _scores(rows[0], sharing), rows)]
    judged = [parts.c.line == line, parts.c.pipeline_version.in_(alike), parts.c.vote_count > 0]
    if ANY_CAMERA not in sharing:
        # an expression, not the column: an index that begins with several cameras would have to be read whole
        judged.append((parts.c.camera + "").in_(sharing))
    newest = connection.scalar(select(func.max(_newest_judged(judged)))) or connection.scalar(_newest(judged))
    return connection.scalar(select(parts.c.fingerprint).where(parts.c.number == newest))


def _newest_judged(judged: Sequence[ColumnElement[bool]]) -> ColumnElement[int]:
    """Return the number of the newest such part with an outcome of a judgement: each from the end of an index."""
    walks = [
        _newest([*judged, parts.c.reason == reason, parts.c.disposition == disposition]).subquery()
        for reason in (*JUDGED_REASONS, Reason.UNQUALIFIED)
        for disposition in Disposition
    ]
    return union_all(*(select(walk.c.number) for walk in walks)).subquery().c.number


def _newest(judged: Sequence[ColumnElement[bool]]) -> Select[int]:
    return select(parts.c.number).where(*judged).order_by(parts.c.number.desc()).limit(1)


def history(connection: Connection, line: str, fingerprint: str, newest: int) -> History:
    mine = (parts.c.line == line, parts.c.fingerprint == fingerprint)
    numbers = set(connection.scalars(select(parts.c.number).where(*mine).order_by(parts.c.number.desc()).limit(newest)))
    for chosen in (COUNTED, select(shadow_votes.c.part)):
        numbers |= set(connection.scalars(select(parts.c.number).where(*mine, parts.c.number.in_(chosen))))
    wanted = sorted(numbers)
    shadows, known = _shadows(connection, wanted), _truths(connection, wanted)
    rows = load(connection, wanted, texts=False)
    found = tuple(PartHistory(row.part, tuple(shadows[row.number]), known.get(row.number)) for row in rows)
    kind = parts.c.would_be_disposition
    counted = connection.execute(select(kind, func.count()).where(*mine).group_by(kind))
    return History(found, {Disposition(name): count for name, count in counted})


def judged_cameras(connection: Connection, line: str, after: int) -> list[JudgedCamera]:
    part = parts.c
    judged = (part.line == line, part.vote_count > 0, part.number > after)
    newest = select(func.max(part.number)).where(*judged).group_by(part.camera, part.pipeline_version)
    rows = select(part.camera, part.pipeline_version, part.number, part.fingerprint).where(part.number.in_(newest))
    return [JudgedCamera(*row) for row in connection.execute(rows.order_by(part.number))]


def truth(connection: Connection, result_id: str) -> Truth | None:
    """Return the truth about a part; None where nobody has reviewed it."""
    number = connection.scalar(select(parts.c.number).where(parts.c.result_id == result_id))
    known = part_reviews(connection, [number]) if number is not None else {}
    return known[number].truth if number in known else None


def reviewed(connection: Connection, line: str, newest: int) -> list[PartHistory]:
    """Return the newest parts of a line with a truth, under any fingerprint, oldest first."""
    mine = COUNTED.where(truths.c.line == line).order_by(truths.c.part.desc()).limit(newest)
    numbers = sorted(connection.scalars(mine))
    known = _truths(connection, numbers)
    return [PartHistory(row.part, (), known[row.number]) for row in load(connection, numbers, texts=False)]


def deciding_reviews(connection: Connection, line: str, newest: int) -> dict[str, Review]:
    """Return, per part, the review that brought its truth about. The parts are those of `reviewed`."""
    mine = COUNTED.where(truths.c.line == line).order_by(truths.c.part.desc()).limit(newest)
    known = part_reviews(connection, connection.scalars(mine).all())
    return {each.truth.by.result_id: each.truth.by for each in known.values()}


def known_parts(connection: Connection, line: str, before: int | None, limit: int) -> list[tuple[PartRow, PartReviews]]:
    """Return parts with a truth and all their reviews, newest first."""
    mine = COUNTED.where(truths.c.line == line).order_by(truths.c.part.desc()).limit(limit)
    numbers = connection.scalars(mine if before is None else mine.where(truths.c.part < before)).all()
    known = part_reviews(connection, numbers)
    return [(row, known[row.number]) for row in load(connection, numbers, texts=False)]


def reviewed_elsewhere(connection: Connection, line: str, fingerprint: str) -> int:
    other = (parts.c.line == line, parts.c.fingerprint != fingerprint)
    known = select(func.count()).where(*other, parts.c.number.in_(COUNTED))
    return connection.scalar(known) or 0


def _sharing_region(row: Any, camera: str | None) -> list[str]:
    """List the cameras of a version with the same region; all where it was stored under another grammar."""
    try:
        pipeline = pipeline_of(row.declaration)
    except ValidationError:
        return [ANY_CAMERA]
    region = pipeline.region(camera or next(iter(pipeline.cameras)))
    return [name for name in pipeline.cameras if pipeline.region(name) == region]


def _scores(row: Any, cameras: Sequence[str]) -> tuple[set[str], list[str]] | None:
    """Return what these cameras' scores depend on; None if the version was stored under another grammar."""
    try:
        pipeline = pipeline_of(row.declaration)
        return {pipeline.settings_fingerprint(name) for name in cameras}, row.golden
    except ValidationError:
        return None


def _shadows(connection: Connection, numbers: list[int]) -> dict[int, list[Vote]]:
    found: dict[int, list[Vote]] = defaultdict(list)
    every = select(shadow_votes).order_by(shadow_votes.c.part, shadow_votes.c.position)
    for some in value_pages(numbers):
        for row in connection.execute(every.where(shadow_votes.c.part.in_(some))):
            found[row.part].append(vote_of(row))
    return found


def _truths(connection: Connection, numbers: list[int]) -> dict[int, bool]:
    """Return whether each part is NG. Parts without a truth are missing."""
    counted = select(truths.c.part, truths.c.label).where(truths.c.label.in_(IS_NG))
    return {
        row.part: IS_NG[ReviewLabel(row.label)]
        for some in value_pages(numbers)
        for row in connection.execute(counted.where(truths.c.part.in_(some)))
    }
