"""The reading side of the ledger, for console and commands. Cannot write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from inspector.adapters.ledger import history as hindsight
from inspector.adapters.ledger import part_votes, statistics
from inspector.adapters.ledger.balance import balance
from inspector.adapters.ledger.camera_minutes import read_camera_minutes
from inspector.adapters.ledger.database import open_engine, read
from inspector.adapters.ledger.event_list import event_by_id, event_page
from inspector.adapters.ledger.metrics import count_events, count_parts, count_waiting
from inspector.adapters.ledger.part_ranking import ranked_numbers
from inspector.adapters.ledger.part_search import part_numbers
from inspector.adapters.ledger.reads import (
    all_cameras,
    heat_map_of,
    load,
    newest_pipelines,
    part_reviews,
    review_page,
    reviews_of_part,
)
from inspector.adapters.ledger.review_queue import waiting_counts
from inspector.adapters.ledger.tables import parts
from inspector.adapters.ledger.totals import totals
from inspector.adapters.ledger.versions import versions_of
from inspector.domain.declared import Disposition
from inspector.domain.heat_map import HeatMap
from inspector.domain.part_history import History, PartHistory
from inspector.domain.reconciliation import Balance
from inspector.domain.review import Review
from inspector.domain.truth import Truth
from inspector.ports.archive import EventFilter, EventRow, PartFilter, PartReviews, PartRow, Totals
from inspector.ports.camera_minutes import CameraMinute
from inspector.ports.ledger import CameraRow, PipelineVersion
from inspector.ports.lines import JudgedCamera, LineVersion
from inspector.ports.metrics import EventKind, OutboxBacklog, PartOutcome, PartSums, RowSums
from inspector.ports.reviews import ListedReview, WaitingCounts
from inspector.ports.statistics import GivenAnswer, OutcomeSum, ReviewedSum, StatisticsQuery
from inspector.ports.tuning import PartVotes, VotedParts

MAX_CONNECTIONS: Final = 8


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

    def heat_map(self, result_id: str) -> HeatMap | None:
        """Return the heat map of a part's second opinion; None where there is none."""
        return read(self._engine, heat_map_of, result_id)

    def reviews_of(self, numbers: Sequence[int]) -> dict[int, PartReviews]:
        return read(self._engine, part_reviews, numbers)

    def reviews_of_part(self, result_id: str) -> list[Review]:
        return read(self._engine, reviews_of_part, result_id)

    def review_page(
        self, line: str | None, before: int | None, limit: int, lines: Sequence[str] | None = None
    ) -> list[ListedReview]:
        return read(self._engine, review_page, line, before, limit, lines)

    def known_parts(self, line: str, before: int | None, limit: int) -> list[tuple[PartRow, PartReviews]]:
        return read(self._engine, hindsight.known_parts, line, before, limit)

    def waiting_counts(self, line: str) -> WaitingCounts:
        return read(self._engine, waiting_counts, line)

    def totals(self, since: datetime, lines: Sequence[str] | None = None) -> Totals:
        return read(self._engine, totals, since, lines)

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

    def deciding_reviews(self, line: str, newest: int) -> dict[str, Review]:
        """Return, per part, the review that brought its truth about. The parts are those of `reviewed`."""
        return read(self._engine, hindsight.deciding_reviews, line, newest)

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

    def event_page(self, wanted: EventFilter, limit: int) -> list[EventRow]:
        return read(self._engine, event_page, wanted, limit)

    def event(self, event_id: str) -> EventRow | None:
        return read(self._engine, event_by_id, event_id)

    def list_pipelines(self) -> list[PipelineVersion]:
        return read(self._engine, newest_pipelines)

    def versions(self, line: str) -> list[LineVersion]:
        """List all versions of a line, oldest first."""
        return read(self._engine, versions_of, line)

    def voted_parts(self, line: str, fingerprint: str, newest: int) -> VotedParts:
        return read(self._engine, part_votes.voted_parts, line, fingerprint, newest)

    def part_votes(self, numbers: Sequence[int]) -> list[PartVotes]:
        return read(self._engine, part_votes.part_votes, numbers)

    def pictured(self, numbers: Sequence[int]) -> set[int]:
        """Return which of these parts have a picture that is still stored."""
        return read(self._engine, part_votes.pictured, numbers)

    def newest_number(self, line: str, fingerprint: str) -> int:
        return read(self._engine, part_votes.newest_number, line, fingerprint)

    def newest_review(self) -> int:
        return read(self._engine, part_votes.newest_review)

    def disposition_counts(self, line: str, fingerprint: str, after: int, until: int) -> dict[Disposition, int]:
        return read(self._engine, part_votes.disposition_counts, line, fingerprint, after, until)

    def judged_cameras(self, line: str, after: int = 0) -> list[JudgedCamera]:
        """List the newest judged part of each camera under each version, of those with numbers above `after`."""
        return read(self._engine, hindsight.judged_cameras, line, after)


def _parts(connection: Connection, wanted: PartFilter, limit: int) -> list[PartRow]:
    numbers = ranked_numbers if wanted.sort.is_by_p_ng else part_numbers
    return load(connection, numbers(connection, wanted, limit), texts=False)


def _part(connection: Connection, result_id: str) -> PartRow | None:
    numbers = connection.scalars(select(parts.c.number).where(parts.c.result_id == result_id)).all()
    return next(iter(load(connection, numbers)), None)
