"""Reads the votes of many parts with little else, to replay other settings on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, String, Table, cast, func, select

from inspector.adapters.ledger.database import value_pages
from inspector.adapters.ledger.part_search import hidden
from inspector.adapters.ledger.rows import SECOND_OPINION
from inspector.adapters.ledger.tables import is_pictured, part_defects, parts, reviews, shadow_votes, truths, votes
from inspector.domain.declared import Disposition, ViewName
from inspector.domain.review import ReviewLabel
from inspector.domain.truth import IS_NG
from inspector.domain.vote import Opinion, StoppedBy, Vote
from inspector.ports.tuning import UNREVIEWED, IdentifiedPart, PartVotes, VotedParts

NAMED: Final = (
    parts.c.number,
    parts.c.result_id,
    parts.c.camera,
    parts.c.trigger_id,
    parts.c.part_id,
    parts.c.decided_at,
    parts.c.p_ng,
    parts.c.would_be_disposition,
    parts.c.stopped_by,
)
Array = NDArray[Any]
VIEWS: Final = {each.value: each for each in ViewName}


def voted_parts(connection: Connection, line: str, fingerprint: str, newest: int) -> VotedParts:
    mine = (parts.c.line == line, parts.c.fingerprint == fingerprint)
    own = select(parts.c.number).where(*mine)
    recent = _numbers(connection, own.order_by(parts.c.number.desc()).limit(newest))
    shadows = select(shadow_votes.c.part).distinct().subquery()
    shadowed = _numbers(connection, own.join(shadows, parts.c.number == shadows.c.part))
    known = {is_ng: _known(connection, line, label, fingerprint) for label, is_ng in IS_NG.items()}
    numbers = np.union1d(recent, np.concatenate([shadowed, *known.values()]))
    truth = np.full(len(numbers), UNREVIEWED, np.int8)
    for is_ng, labelled in known.items():
        truth[np.searchsorted(numbers, labelled)] = is_ng
    is_shadowed = np.isin(numbers, shadowed, assume_unique=True)
    return VotedParts(line, fingerprint, numbers, truth, is_shadowed, _defects(connection, line))


def _known(connection: Connection, line: str, label: ReviewLabel, fingerprint: str) -> Array:
    """Return the line's parts with this truth that were judged under the fingerprint.

    Few parts are reviewed: truths are walked, and the planner must not walk all parts of the line.
    """
    labelled = select(truths.c.part.label("number")).join(parts, parts.c.number == truths.c.part)
    own = (truths.c.line == line, truths.c.label == label, hidden(parts.c.fingerprint) == fingerprint)
    return _numbers(connection, labelled.where(*own))


def _numbers(connection: Connection, query: Select[int]) -> Array:
    """Return the numbers that a query finds, in any order.

    They come as one text: tens of thousands of rows would each take the interpreter's lock, and every other request
    waits for it.
    """
    number = cast(query.subquery().c.number, String)
    text = connection.scalar(select(func.aggregate_strings(number, ",")))
    return np.fromstring(text or "", np.int64, sep=",")


def _defects(connection: Connection, line: str) -> dict[int, tuple[str, ...]]:
    """Return the classes of the line's NG parts: as people named them, else as the report does."""
    is_ng = (truths.c.line == line, truths.c.label == ReviewLabel.NG)
    reported = select(part_defects.c.part, part_defects.c.defect).join(truths, truths.c.part == part_defects.c.part)
    named = select(truths.c.part, reviews.c.classes).join(reviews, reviews.c.review_id == truths.c.by)
    found: dict[int, tuple[str, ...]] = {}
    for part, defect in connection.execute(reported.where(*is_ng).order_by(part_defects.c.defect)):
        found[part] = (*found.get(part, ()), defect)
    return found | {part: tuple(classes) for part, classes in connection.execute(named.where(*is_ng)) if classes}


def part_votes(connection: Connection, numbers: Sequence[int]) -> list[PartVotes]:
    return [each for some in value_pages(sorted(numbers)) for each in _page(connection, some)]


def pictured(connection: Connection, numbers: Sequence[int]) -> set[int]:
    found: set[int] = set()
    for some in value_pages(numbers):
        chosen = select(parts.c.number).where(parts.c.number.in_(some), is_pictured)
        found |= set(connection.scalars(chosen))
    return found


def newest_number(connection: Connection, line: str, fingerprint: str) -> int:
    mine = (parts.c.line == line, parts.c.fingerprint == fingerprint)
    return connection.scalar(select(func.max(parts.c.number)).where(*mine)) or 0


def newest_review(connection: Connection) -> int:
    return connection.scalar(select(func.max(reviews.c.number))) or 0


def disposition_counts(
    connection: Connection, line: str, fingerprint: str, after: int, until: int
) -> dict[Disposition, int]:
    kind = parts.c.would_be_disposition
    counted = (
        parts.c.line == line,
        parts.c.fingerprint == fingerprint,
        parts.c.number > after,
        parts.c.number <= until,
    )
    rows = connection.execute(select(kind, func.count()).where(*counted).group_by(kind))
    return {Disposition(name): count for name, count in rows}


def _page(connection: Connection, numbers: Sequence[int]) -> Iterable[PartVotes]:
    cast, shadows = (_votes(connection, table, numbers) for table in (votes, shadow_votes))
    rows = connection.execute(select(*NAMED).where(parts.c.number.in_(numbers)).order_by(parts.c.number))
    for row in rows:
        listed = cast.get(row.number, [])
        opinions = (Opinion(vote.p_ng, vote.ms) for vote in listed if vote.view == SECOND_OPINION)
        yield PartVotes(
            IdentifiedPart(*row[:7], Disposition(row.would_be_disposition)),
            StoppedBy(row.stopped_by),
            tuple(_vote(vote) for vote in listed if vote.view != SECOND_OPINION),
            tuple(_vote(vote) for vote in shadows.get(row.number, [])),
            next(opinions, None),
        )


def _votes(connection: Connection, table: Table[Any], numbers: Sequence[int]) -> dict[int, list[Any]]:
    vote = table.c
    listed = select(vote.part, vote.view, vote.rung, vote.p_ng, vote.ms, vote.p_true, vote.readable)
    rows = connection.execute(listed.where(vote.part.in_(numbers)).order_by(vote.part, vote.position))
    return {part: list(group) for part, group in groupby(rows, key=lambda row: row.part)}


def _vote(row: Any) -> Vote:
    return Vote(VIEWS[row.view], row.rung, row.p_ng, ms=row.ms, p_true=row.p_true, readable=row.readable)
