"""Lists parts by p(NG), from an end of an index of each disposition; the pages are merged.

A search for something rare looks at all that it finds: at a trigger, a part_id, a lot, a defect class, or reviews.
"""

from __future__ import annotations

from operator import ge, le
from typing import Final

from sqlalchemy import ColumnElement, Connection, Select, Subquery, select, tuple_, union_all

from inspector.adapters.ledger.part_search import COLUMNS, NumberRange, fits, hidden, numbers_in_time, truth_fits
from inspector.adapters.ledger.tables import compared, is_scored, part_defects, parts, truths
from inspector.domain.declared import Disposition
from inspector.errors import NotFoundError
from inspector.ports.archive import PartFilter, ReviewFilter

NAMED: Final = ("trigger_id", "part_id", "lot")  # columns with indexes of their own
Conditions = list[ColumnElement[bool]]


def ranked_numbers(connection: Connection, wanted: PartFilter, limit: int) -> list[int]:
    """Return the numbers of one page of parts, sorted by p(NG), then by number. Parts without a p(NG) are left out."""
    own = [is_scored, *_keys_in_page(connection, wanted)]
    numbers = numbers_in_time(connection, wanted)
    if numbers is None:
        return []
    own += _in_range(numbers)
    if wanted.lines is not None:
        own.append(parts.c.line.in_(wanted.lines))
    rows = connection.execute(_search(wanted, own, limit))
    found = sorted(((row.p_ng, row.number) for row in rows), reverse=not wanted.sort.is_rising)
    return [number for _, number in found]


def _search(wanted: PartFilter, own: Conditions, limit: int) -> Select[float | None, int]:
    if rare := _rare(wanted):
        looked_at = select(parts.c.p_ng, parts.c.number).where(*rare, *own)
        return _page(looked_at, wanted, limit, hidden(parts.c.p_ng), hidden(parts.c.number))
    walks = [_walk(wanted, each, own, limit) for each in Disposition if wanted.disposition in (None, each)]
    if not walks:
        return select(parts.c.p_ng, parts.c.number).where(parts.c.number < 0)
    merged = union_all(*(select(walk.c.p_ng, walk.c.number) for walk in walks)).subquery()
    return _page(select(merged.c.p_ng, merged.c.number), wanted, limit, merged.c.p_ng, merged.c.number)


def _walk(wanted: PartFilter, disposition: Disposition, own: Conditions, limit: int) -> Subquery:
    """Return one page of the parts of a disposition, from an end of its range in the index."""
    walked = select(parts.c.p_ng, parts.c.number).where(parts.c.disposition == disposition, *own)
    walked = walked.where(*fits(wanted, {"disposition"}))
    return _page(walked, wanted, limit, parts.c.p_ng, parts.c.number).subquery()


def _page(
    found: Select[float | None, int],
    wanted: PartFilter,
    limit: int,
    p_ng: ColumnElement[float | None],
    number: ColumnElement[int],
) -> Select[float | None, int]:
    keys = (p_ng, number) if wanted.starts_low else (p_ng.desc(), number.desc())
    return found.order_by(*keys).limit(limit)


def _rare(wanted: PartFilter) -> Conditions:
    """Return the conditions of a search that starts at something rare; none where it starts at p(NG)."""
    for name in NAMED:
        if (value := getattr(wanted, name)) is not None:
            return [COLUMNS[name] == value, *fits(wanted, {name})]
    if wanted.defect is not None:
        named = select(part_defects.c.part).where(part_defects.c.defect == wanted.defect)
        return [parts.c.number.in_(named), *fits(wanted, {"defect"})]
    if wanted.review not in (None, ReviewFilter.NONE):
        answered = select(truths.c.part).where(*truth_fits(wanted, truths.c.part))
        return [parts.c.number.in_(answered), *fits(wanted, frozenset())]
    return []


def _keys_in_page(connection: Connection, wanted: PartFilter) -> Conditions:
    """Return the conditions that the keys of this page lie below, or above, those of the named parts."""
    found: Conditions = []
    if wanted.before is not None:
        p_ng = _p_ng_of(connection, wanted.before)
        found += [parts.c.p_ng <= p_ng, tuple_(parts.c.p_ng, parts.c.number) < tuple_(p_ng, wanted.before)]
    if wanted.after:
        p_ng = _p_ng_of(connection, wanted.after)
        found += [parts.c.p_ng >= p_ng, tuple_(parts.c.p_ng, parts.c.number) > tuple_(p_ng, wanted.after)]
    return found


def _p_ng_of(connection: Connection, number: int) -> float:
    p_ng = connection.scalar(select(parts.c.p_ng).where(parts.c.number == number))
    if p_ng is None:
        raise NotFoundError(f"no part with a p(NG) has the number {number}; begin the list without before and after")
    return p_ng


def _in_range(numbers: NumberRange) -> Conditions:
    return compared(parts.c.number, (ge, numbers.first), (le, numbers.last))
