"""Finds the newest parts that fit a filter, among millions, from the end of a range in an index.

An index that starts with the filtered columns and ends with the part's number returns the newest parts at once, but
fifteen combinations of filters would need fifteen indexes. There are few outcomes (reason and disposition), so a list
queries each matching outcome separately, from one of four indexes, and merges the results: at most 19 short scans.

A search for something rare starts there: at a trigger, a part_id, a defect class, reviews, a lot, or few values of
p(NG). The other columns of the filter are hidden from the database's planner, which would guess wrongly where to start.
A span of time becomes a range of numbers: parts are numbered in the order of storing, nearly that of deciding.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import ge, gt, le, lt
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, exists, func, select, union_all

from inspector.adapters.ledger.tables import compared, is_scored, is_unreviewed, part_defects, parts, reviews, truths
from inspector.domain.decision import Reason
from inspector.domain.declared import Disposition
from inspector.domain.truth import TruthState
from inspector.ports.archive import PartFilter, ReviewFilter

OUTCOMES: Final = tuple(
    (reason, disposition)
    for reason in Reason
    for disposition in Disposition
    if disposition is not Disposition.PASS or reason is Reason.NO_DEFECT
)
FEW_PARTS: Final = 2_000  # with values of p(NG) in a range: all of them are looked at, else the newest parts are
COLUMNS: Final[dict[str, ColumnElement[Any]]] = {
    "line": parts.c.line,
    "camera": parts.c.camera,
    "disposition": parts.c.disposition,
    "reason": parts.c.reason,
    "trigger_id": parts.c.trigger_id,
    "part_id": parts.c.part_id,
    "lot": parts.c.lot,
}
OUTCOME_COLUMNS: Final = frozenset({"line", "camera", "disposition", "reason"})
Conditions = list[ColumnElement[bool]]


class NumberRange(NamedTuple):
    """The part numbers to look at, both ends included; None where an end is open."""

    first: int | None = None
    last: int | None = None


ALL_NUMBERS: Final = NumberRange()


class PartPage(NamedTuple):
    """One page of parts to find, counted from the end that it starts at."""

    wanted: PartFilter
    limit: int
    numbers: NumberRange = ALL_NUMBERS

    def nearest(self, found: Select[Any], number: ColumnElement[int]) -> Select[int]:
        """Return the numbers of this page out of all that were found."""
        ends = (
            (lt, self.wanted.before),
            (gt, self.wanted.after),
            (ge, self.numbers.first),
            (le, self.numbers.last),
        )
        within = found.where(*compared(number, *ends))
        return within.order_by(number if self.wanted.starts_low else number.desc()).limit(self.limit)


def part_numbers(connection: Connection, wanted: PartFilter, limit: int) -> list[int]:
    """Return the numbers of one page of parts, sorted by number."""
    if wanted.lines is not None:
        return _of_lines(connection, wanted, limit)
    numbers = numbers_in_time(connection, wanted)
    if numbers is None:
        return []
    found = connection.scalars(_search(connection, PartPage(wanted, limit, numbers)))
    return sorted(found, reverse=not wanted.sort.is_rising)


def _of_lines(connection: Connection, wanted: PartFilter, limit: int) -> list[int]:
    """Return one page of the parts of several lines: each line has its own ranges in the indexes."""
    lines = [line for line in wanted.lines or () if wanted.line in (None, line)]
    each = [part_numbers(connection, wanted._replace(line=line, lines=None), limit) for line in lines]
    nearest = sorted((number for numbers in each for number in numbers), reverse=not wanted.starts_low)[:limit]
    return sorted(nearest, reverse=not wanted.sort.is_rising)


def _search(connection: Connection, page: PartPage) -> Select[int]:
    """Return the query that starts at the rarest thing that the filter names."""
    wanted = page.wanted
    for name in ("trigger_id", "part_id"):
        if (value := getattr(wanted, name)) is not None:
            named = select(parts.c.number).where(COLUMNS[name] == value, *fits(wanted, {name}))
            return page.nearest(named, parts.c.number)
    if wanted.defect is not None:
        return _of_defect(page)
    if wanted.review not in (None, ReviewFilter.NONE):
        return reviewed_statement(page)
    if wanted.lot is not None:
        return _merged(page, _lot_walks(page))
    return _few_scored(page) if _has_few(connection, wanted) else _merged(page, _outcome_walks(page))


def _of_defect(page: PartPage) -> Select[int]:
    named = select(part_defects.c.part).where(part_defects.c.defect == page.wanted.defect)
    return page.nearest(named.where(*_part_fits(page.wanted, part_defects.c.part, {"defect"})), part_defects.c.part)


def _few_scored(page: PartPage) -> Select[int]:
    """Return the query that looks at all parts in the range of p(NG): a walk along the numbers would look at more."""
    wanted = page.wanted
    by_index = [is_scored, _of_disposition(wanted), *_in_p_range(parts.c.p_ng, wanted)]
    scored = select(parts.c.number).where(*by_index, *fits(wanted, {"p_ng", "disposition"}))
    return page.nearest(scored, hidden(parts.c.number))


def _outcome_walks(page: PartPage) -> list[Select[int]]:
    """Return one query per outcome that matches the filter; a single one where all parts match."""
    wanted = page.wanted
    scope = [COLUMNS[name] == value for name in ("line", "camera") if (value := getattr(wanted, name)) is not None]
    is_limited = bool(scope) or wanted.review or wanted.disposition is not None or wanted.reason is not None
    walked: Sequence[Sequence[ColumnElement[bool]]] = _outcomes(wanted) if is_limited else [()]
    found = select(parts.c.number).where(*scope, *fits(wanted, OUTCOME_COLUMNS))
    return [page.nearest(found.where(*outcome), parts.c.number) for outcome in walked]


def _lot_walks(page: PartPage) -> list[Select[int]]:
    """Return one query per disposition of the lot's parts."""
    own = select(parts.c.number).where(parts.c.lot == page.wanted.lot, *fits(page.wanted, {"lot", "disposition"}))
    wanted = [each for each in Disposition if page.wanted.disposition in (None, each)]
    return [page.nearest(own.where(parts.c.disposition == each), parts.c.number) for each in wanted]


def _merged(page: PartPage, walks: Sequence[Select[int]]) -> Select[int]:
    """Return the nearest numbers of several queries; none without a query: the filter contradicts itself."""
    if not walks:
        return select(parts.c.number).where(parts.c.number < 0)
    number = union_all(*(select(walk.subquery().c.number) for walk in walks)).subquery().c.number
    return page.nearest(select(number), number)


def reviewed_statement(page: PartPage) -> Select[int]:
    """Return the numbers of one page of reviewed parts.

    Truths are walked, and each part is looked up: few parts are reviewed. A join would let the planner walk parts.
    """
    wanted = page.wanted
    own = select(truths.c.part).where(*truth_fits(wanted, truths.c.part), *_part_fits(wanted, truths.c.part))
    if wanted.line is not None:
        own = own.where(truths.c.line == wanted.line)
    return page.nearest(own, truths.c.part)


def _part_fits(wanted: PartFilter, number: ColumnElement[int], found_by: set[str] | None = None) -> Conditions:
    """Return what says whether the part with this number fits; nothing where all do."""
    rest = fits(wanted, found_by or set())
    return [exists().where(parts.c.number == number, *rest)] if rest else []


def fits(wanted: PartFilter, found_by: frozenset[str] | set[str]) -> Conditions:
    """Return the conditions on a part, but for what it is found by: columns, or its defect class."""
    named = {name: value for name in COLUMNS.keys() - found_by if (value := getattr(wanted, name)) is not None}
    conditions: Conditions = [hidden(COLUMNS[name]) == value for name, value in sorted(named.items())]
    conditions += _in_time(hidden(parts.c.decided_at), wanted)
    if "p_ng" not in found_by:
        conditions += _in_p_range(hidden(parts.c.p_ng), wanted)
    if "defect" not in found_by and wanted.defect is not None:
        shown = (part_defects.c.part == parts.c.number, part_defects.c.defect == wanted.defect)
        conditions.append(exists().where(*shown))
    return [*conditions, *_review_fits(wanted)]


def _review_fits(wanted: PartFilter) -> Conditions:
    match wanted.review:
        case None:
            return []
        case ReviewFilter.NONE:
            return [is_unreviewed]
        case _:
            return [exists().where(truths.c.part == parts.c.number, *truth_fits(wanted, truths.c.part))]


def truth_fits(wanted: PartFilter, part: ColumnElement[int]) -> Conditions:
    match wanted.review:
        case ReviewFilter.DISPUTED:
            return [truths.c.state == TruthState.DISPUTED]
        case ReviewFilter.MINE:
            return [exists().where(reviews.c.part == part, reviews.c.reviewer == wanted.reviewer)]
        case _:
            return [truths.c.state != TruthState.WITHDRAWN]


def _in_p_range(p_ng: ColumnElement[Any], wanted: PartFilter) -> Conditions:
    return compared(p_ng, (ge, wanted.p_min), (le, wanted.p_max))


def _has_few(connection: Connection, wanted: PartFilter) -> bool:
    """Return whether the filter names a range of p(NG) that few parts are in."""
    if wanted.p_min is None and wanted.p_max is None:
        return False
    own = [] if wanted.line is None else [hidden(parts.c.line) == wanted.line]
    by_index = [is_scored, _of_disposition(wanted), *_in_p_range(parts.c.p_ng, wanted)]
    within = select(parts.c.number).where(*by_index, *own).limit(FEW_PARTS).subquery()
    return (connection.scalar(select(func.count()).select_from(within)) or 0) < FEW_PARTS


def _of_disposition(wanted: PartFilter) -> ColumnElement[bool]:
    """Return the condition on the first column of the index of p(NG)."""
    listed = [each.value for each in Disposition] if wanted.disposition is None else [wanted.disposition]
    return parts.c.disposition.in_(listed)


def numbers_in_time(connection: Connection, wanted: PartFilter) -> NumberRange | None:
    """Return the range of the numbers of parts decided in the filter's span of time; None where there are none."""
    span = _in_time(parts.c.decided_at, wanted)
    if not span:
        return ALL_NUMBERS
    ends = select(func.min(parts.c.number), func.max(parts.c.number)).where(*span)
    first, last = connection.execute(ends).one()
    return None if first is None else NumberRange(first, last)


def _in_time(at: ColumnElement[Any], wanted: PartFilter) -> Conditions:
    return compared(at, (ge, wanted.since), (lt, wanted.until))


def _outcomes(wanted: PartFilter) -> list[tuple[ColumnElement[bool], ...]]:
    """Return every outcome that matches the filter; none if the filter contradicts itself."""
    return [
        (parts.c.reason == reason, parts.c.disposition == disposition)
        for reason, disposition in OUTCOMES
        if wanted.reason in (None, reason) and wanted.disposition in (None, disposition)
    ]


def hidden(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the column's value as an expression that no index starts with."""
    return func.coalesce(column, column)
