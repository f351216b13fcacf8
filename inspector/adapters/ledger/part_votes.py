"""Reads the votes of many parts with little else, to replay other settings on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, Table, func, select

from inspector.adapters.ledger.database import value_pages
from inspector.adapters.ledger.rows import SECOND_OPINION
from inspector.adapters.ledger.tables import is_pictured, part_defects, parts, reviews, shadow_votes, truths, votes
from inspector.domain.declared import Disposition, ViewName
from inspector.domain.review import ReviewLabel
from inspector.domain.truth import IS_NG
from inspector.domain.vote import Opinion, StoppedBy, Vote
from inspector.ports.tuning import PartVotes, VotedParts

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
VIEWS: Final = {each.value: each for each in ViewName}


def voted_parts(connection: Connection, line: str, fingerprint: str, newest: int) -> VotedParts:
    mine = (parts.c.line == line, parts.c.fingerprint == fingerprint)
    labels = select(truths.c.part, truths.c.label).where(truths.c.line == line, truths.c.label.in_(IS_NG))
    is_ng = {row.part: IS_NG[ReviewLabel(row.label)] for row in connection.execute(labels)}
    listed = select(parts.c.number).where(*mine).order_by(parts.c.number.desc()).limit(newest)
    numbers = set(connection.scalars(listed))
    shadowed = select(shadow_votes.c.part).join(parts, parts.c.number == shadow_votes.c.part).where(*mine).distinct()
    whole = frozenset(connection.scalars(shadowed))
    for some in value_pages([number for number in is_ng if number not in numbers]):
        numbers |= set(connection.scalars(select(parts.c.number).where(*mine, parts.c.number.in_(some))))
    return VotedParts(line, fingerprint, sorted(numbers | whole), whole, is_ng, _defects(connection, line))


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
            *row[:7],
            Disposition(row.would_be_disposition),
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
