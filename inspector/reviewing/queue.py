"""Give waiting parts to people, and count those that wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from inspector.domain.declared import Disposition
from inspector.domain.part import PartRecord
from inspector.domain.review_lease import ReviewLease, ReviewList
from inspector.errors import NotFoundError
from inspector.ports.ledger import PipelineVersion
from inspector.ports.lines import LineArchive
from inspector.ports.reviews import LeaseRequest, LeaseStore, ReviewArchive, WaitingCounts, WaitingQuery
from inspector.utc import utc_now

MAX_LEASED_PARTS: Final = 50  # of one person and list
LEASE_MINUTES: Final = 10.0
MAX_LEASE_MINUTES: Final = 120.0


class GivenPart(NamedTuple):
    """A part that a person has on screen now, and why."""

    lease: ReviewLease
    part: PartRecord


@dataclass(frozen=True, slots=True)
class ReviewQueue:
    """The parts that wait for people. Every method raises LedgerError, and NotFoundError for an unknown line."""

    archive: ReviewArchive
    lines: LineArchive
    leases: LeaseStore
    now: Callable[[], datetime] = utc_now

    def take(
        self,
        line: str,
        which: ReviewList,
        reviewer: str,
        parts: int,
        *,
        blind: bool = False,
        minutes: float = LEASE_MINUTES,
        named: Sequence[str] = (),
    ) -> list[GivenPart]:
        """Return up to so many parts of a list; nobody else gets them for so many minutes.

        The person's own parts come first: a tablet that starts again continues where it was. `named` are the parts of
        the list of named ones.
        """
        now = self.now()
        waiting = self._query(line, which, reviewer, now)._replace(named=tuple(named))
        leases = self.leases.take_leases(LeaseRequest(waiting, parts, blind, now + timedelta(minutes=minutes)))
        rows = [(lease, self.archive.part(lease.result_id)) for lease in leases]
        return [GivenPart(lease, row.part) for lease, row in rows if row is not None]

    def give_back(self, reviewer: str, result_ids: Sequence[str]) -> int:
        """Let others have these parts; return how many this person had."""
        return self.leases.end_leases(reviewer, result_ids)

    def counts(self, line: str) -> WaitingCounts:
        self._version(line)
        return self.archive.waiting_counts(line)

    def _query(self, line: str, which: ReviewList, reviewer: str, now: datetime) -> WaitingQuery:
        pipeline = self._version(line).pipeline
        shares = {disposition: pipeline.reviews.audit_share(disposition) for disposition in Disposition}
        fingerprint = self.lines.fingerprint(line) if which is ReviewList.QUEUE else None
        return WaitingQuery(line, which, reviewer, shares, pipeline.thresholds, fingerprint, now)

    def _version(self, line: str) -> PipelineVersion:
        version = next((each for each in self.lines.list_pipelines() if each.pipeline.line == line), None)
        if version is None:
            raise NotFoundError(f"there is no line {line!r}; declare it in a pipeline and run: inspector apply")
        return version
