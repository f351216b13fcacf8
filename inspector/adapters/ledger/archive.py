"""The reading side of the ledger, for console and commands. Cannot write.

The newest 50 of a million parts must be listed quickly under any filter. An index that starts with the filtered columns
and ends with the part's number returns them at once, but fifteen combinations of filters would need fifteen indexes.
There are few outcomes (reason and disposition), so a list queries each matching outcome separately, from one of four
indexes, and merges the results: at most 19 short scans from an index's end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, Select, exists, select, union_all

from inspector.adapters.ledger import history as hindsight
from inspector.adapters.ledger import part_votes, statistics
from inspector.adapters.ledger.balance import balance
from inspector.adapters.ledger.camera_minutes import read_camera_minutes
from inspector.adapters.ledger.database import open_engine, read
from inspector.adapters.ledger.metrics import count_events, count_parts, count_waiting
from inspector.adapters.ledger.reads import (
    all_cameras,
    camera_page,
    load,
    newest_pipelines,
    part_reviews,
    review_page,
    reviews_of_part,
)
from inspector.adapters.ledger.review_queue import waiting_counts
from inspector.adapters.ledger.tables import events, is_unreviewed, parts, reviews, truths
from inspector.adapters.ledger.totals import totals
from inspector.adapters.ledger.versions import versions_of
from inspector.domain.decision import Reason
from inspector.domain.declared import Disposition
from inspector.domain.part_history import History, PartHistory
from inspector.domain.reconciliation import Balance
from inspector.domain.review import Review
from inspector.domain.truth import Truth, TruthState
from inspector.ports.archive import CameraPosition, EventRow, PartFilter, PartReviews, PartRow, ReviewFilter, Totals
from inspector.ports.camera_minutes import CameraMinute
from inspector.ports.ledger import CameraRow, Event, PipelineVersion
from inspector.ports.lines import JudgedCamera, LineVersion
from inspector.ports.metrics import EventKind, OutboxBacklog, PartOutcome, PartSums, RowSums
from inspector.ports.reviews import ListedReview, WaitingCounts
from inspector.ports.statistics import GivenAnswer, OutcomeSum, ReviewedSum, StatisticsQuery
from inspector.ports.tuning import PartVotes, VotedParts

MAX_CONNECTIONS: Final = 8
OUTCOMES: Final = tuple(
    (reason, disposition)
    for reason in Reason
    for disposition in Disposition
    if disposition is not Disposition.PASS or reason is Reason.NO_DEFECT
)
SCOPE_COLUMNS: Final = (parts.c.line, parts.c.camera)
EVENT_FIELDS: Final = tuple(field.name for field in fields(Event))


class SqlArchive:
    """Reads a ledger. Thread-safe. `close` frees its connections."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url, writes=False, connections=MAX_CONNECTIONS)

    def close(self) -> None:
        self._engine.dispose()

    def parts(self, wanted: PartFilter, limit: int) -> list[PartRow]:
        return read(self._engine, _parts, wanted, limit)

    def part(self, result_id: str) -> PartRow | None:
        return read(self._engine, _part, result_id)

    def reviews_of(self, numbers: Sequence[int]) -> dict[int, PartReviews]:
        return read(self._engine, part_reviews, numbers)

    def reviews_of_part(self, result_id: str) -> list[Review]:
        return read(self._engine, reviews_of_part, result_id)

    def review_page(self, line: str | None, before: int | None, limit: int) -> list[ListedReview]:
        return read(self._engine, review_page, line, before, limit)

    def known_parts(self, line: str, before: int | None, limit: int) -> list[tuple[PartRow, PartReviews]]:
        return read(self._engine, hindsight.known_parts, line, before, limit)

    def waiting_counts(self, line: str) -> WaitingCounts:
        return read(self._engine, waiting_counts, line)

    def totals(self, since: datetime) -> Totals:
        return read(self._engine, totals, since)

    def balance(self, line: str, now: datetime, settled: datetime) -> Balance:
        """Return the balance of this line. Parts received after `settled` may still be in progress."""
        return read(self._engine, balance, line, now, settled)

    def fingerprint(self, line: str, camera: str | None = None) -> str | None:
        """Return the fingerprint of the newest parts of the cameras that share this one's region.

        Without a camera: those of the line's first camera. None if none was judged as the line is declared now.
        """
        return read(self._engine, hindsight.fingerprint, line, camera)

    def history(self, line: str, fingerprint: str, newest: int) -> History:
        """Return the line's parts under this fingerprint: all reviewed and shadow parts, and the newest others."""
        return read(self._engine, hindsight.history, line, fingerprint, newest)

    def truth(self, result_id: str) -> Truth | None:
        """Return the truth about a part; None where nobody has reviewed it."""
        return read(self._engine, hindsight.truth, result_id)

    def reviewed(self, line: str, newest: int) -> list[PartHistory]:
        """Return the newest parts of this line with a truth, under any fingerprint, oldest first."""
        return read(self._engine, hindsight.reviewed, line, newest)

    def reviewed_elsewhere(self, line: str, fingerprint: str) -> int:
        """Count the line's parts with a truth under other fingerprints."""
        return read(self._engine, hindsight.reviewed_elsewhere, line, fingerprint)

    def outcome_sums(self, query: StatisticsQuery) -> Sequence[OutcomeSum]:
        return read(self._engine, statistics.outcome_sums, query)

    def defect_sums(self, query: StatisticsQuery) -> Mapping[str, int]:
        return read(self._engine, statistics.defect_sums, query)

    def reviewed_defect_sums(self, query: StatisticsQuery) -> Mapping[str, int]:
        return read(self._engine, statistics.reviewed_defect_sums, query)

    def reviewed_sums(self, query: StatisticsQuery) -> Sequence[ReviewedSum]:
        return read(self._engine, statistics.reviewed_sums, query)

    def answers(self, query: StatisticsQuery, limit: int) -> Sequence[GivenAnswer]:
        return read(self._engine, statistics.answers, query, limit)

    def count_parts(self, after: int, until: int) -> RowSums[PartOutcome, PartSums]:
        return read(self._engine, count_parts, after, until)

    def count_events(self, after: int, until: int) -> RowSums[EventKind, int]:
        return read(self._engine, count_events, after, until)

    def count_waiting(self) -> list[OutboxBacklog]:
        return read(self._engine, count_waiting)

    def camera_minutes(self, line: str, camera: str, since: datetime, until: datetime) -> list[CameraMinute]:
        return read(self._engine, read_camera_minutes, line, camera, since, until)

    def list_cameras(self) -> list[CameraRow]:
        return read(self._engine, all_cameras)

    def camera_page(self, after: CameraPosition | None, limit: int) -> list[CameraRow]:
        return read(self._engine, camera_page, after, limit)

    def event_page(self, before: int | None, limit: int) -> list[EventRow]:
        return read(self._engine, _event_page, before, limit)

    def list_pipelines(self) -> list[PipelineVersion]:
        return read(self._engine, newest_pipelines)

    def versions(self, line: str) -> list[LineVersion]:
        """List all versions of a line, oldest first."""
        return read(self._engine, versions_of, line)

    def voted_parts(self, line: str, fingerprint: str, newest: int) -> VotedParts:
        return read(self._engine, part_votes.voted_parts, line, fingerprint, newest)

    def part_votes(self, numbers: Sequence[int]) -> list[PartVotes]:
        return read(self._engine, part_votes.part_votes, numbers)

    def newest_number(self, line: str, fingerprint: str) -> int:
        return read(self._engine, part_votes.newest_number, line, fingerprint)

    def disposition_counts(self, line: str, fingerprint: str, after: int, until: int) -> dict[Disposition, int]:
        return read(self._engine, part_votes.disposition_counts, line, fingerprint, after, until)

    def judged_cameras(self, line: str, after: int = 0) -> list[JudgedCamera]:
        """List the newest judged part of each camera under each version, of those with numbers above `after`."""
        return read(self._engine, hindsight.judged_cameras, line, after)


def _parts(connection: Connection, wanted: PartFilter, limit: int) -> list[PartRow]:
    if wanted.review in (None, ReviewFilter.NONE):
        walks = _walks(wanted, limit)
        if not walks:
            return []
        chosen = _nearest(union_all(*walks).subquery().c.number, wanted, limit)
    else:
        chosen = reviewed_statement(wanted, limit)
    numbers = sorted(connection.scalars(chosen), reverse=True)
    return load(connection, numbers, texts=False)


def _part(connection: Connection, result_id: str) -> PartRow | None:
    numbers = connection.scalars(select(parts.c.number).where(parts.c.result_id == result_id)).all()
    return next(iter(load(connection, numbers)), None)


def _walks(wanted: PartFilter, limit: int) -> list[Select[int]]:
    """Return one query per outcome that matches the filter; a single one without a filter."""
    scope = _scope(wanted)
    outcomes = _outcomes(wanted) if wanted._replace(before=None, after=None) != PartFilter() else [()]
    walks = (_nearest(parts.c.number, wanted, limit).where(*scope, *outcome) for outcome in outcomes)
    return [select(walk.subquery().c.number) for walk in walks]


def _scope(wanted: PartFilter) -> list[ColumnElement[bool]]:
    scope = [column == value for column, value in zip(SCOPE_COLUMNS, wanted[:2], strict=True) if value is not None]
    return [*scope, is_unreviewed] if wanted.review is ReviewFilter.NONE else scope


def reviewed_statement(wanted: PartFilter, limit: int) -> Select[int]:
    """Return the numbers of one page of reviewed parts.

    Truths are walked, and each part is looked up: few parts are reviewed. A join would let the planner walk parts.
    """
    columns = {parts.c.disposition: wanted.disposition, parts.c.reason: wanted.reason}
    outcome = [column == value for column, value in columns.items() if value is not None]
    fits = exists().where(parts.c.number == truths.c.part, *_scope(wanted), *outcome)
    page = _nearest(truths.c.part, wanted, limit).where(fits)
    if wanted.line is not None:
        page = page.where(truths.c.line == wanted.line)
    match wanted.review:
        case ReviewFilter.DISPUTED:
            return page.where(truths.c.state == TruthState.DISPUTED)
        case ReviewFilter.MINE:
            own = (reviews.c.part == truths.c.part, reviews.c.reviewer == wanted.reviewer)
            return page.where(exists().where(*own))
        case _:
            return page.where(truths.c.state != TruthState.WITHDRAWN)


def _outcomes(wanted: PartFilter) -> list[tuple[ColumnElement[bool], ...]]:
    """Return every outcome that matches the filter; none if the filter contradicts itself."""
    return [
        (parts.c.reason == reason, parts.c.disposition == disposition)
        for reason, disposition in OUTCOMES
        if wanted.reason in (None, reason) and wanted.disposition in (None, disposition)
    ]


def _nearest(number: ColumnElement[int], wanted: PartFilter, limit: int) -> Select[int]:
    """Return the numbers of one page, counted from the end that it starts at."""
    page = select(number).limit(limit)
    if wanted.before is not None:
        page = page.where(number < wanted.before)
    if wanted.after is None:
        return page.order_by(number.desc())
    return page.where(number > wanted.after).order_by(number)


def _event_page(connection: Connection, before: int | None, limit: int) -> list[EventRow]:
    newest = select(events).order_by(events.c.number.desc()).limit(limit)
    rows = connection.execute(newest if before is None else newest.where(events.c.number < before))
    return [EventRow(row.number, Event(**{name: getattr(row, name) for name in EVENT_FIELDS})) for row in rows]
