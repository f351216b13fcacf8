"""Reviews and leases of a ledger in memory: `ports.ReviewArchive`, `ReviewStore` and `LeaseStore`."""

from __future__ import annotations

from collections.abc import Sequence

from support.fakes import MemoryLedger

from inspector.domain.review import Review
from inspector.domain.review_lease import PURPOSES, ReviewLease
from inspector.domain.truth import truth_of
from inspector.errors import NotFoundError
from inspector.ports.archive import PartReviews, PartRow
from inspector.ports.reviews import LeaseRequest, ListedReview, ReviewChange, StoredReview, WaitingCounts
from inspector.reviewing.truths import accepted


class MemoryReviews:
    """Appends to the ledger's reviews. All of a line's parts wait in every list, and for everyone."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._ledger = ledger
        self._leases: dict[tuple[str, str], ReviewLease] = {}

    def part(self, result_id: str) -> PartRow | None:
        return self._ledger.part(result_id)

    def reviews_of_part(self, result_id: str) -> list[Review]:
        return [review for review in self._ledger.reviews if review.result_id == result_id]

    def review_page(
        self, line: str | None, before: int | None, limit: int, lines: Sequence[str] | None = None
    ) -> list[ListedReview]:
        del line, lines
        rows = [ListedReview(number, review) for number, review in enumerate(self._ledger.reviews, 1)]
        return [row for row in rows[::-1] if before is None or row.number < before][:limit]

    def waiting_counts(self, line: str) -> WaitingCounts:
        return WaitingCounts(sum(row.part.key.line == line for row in self._ledger.rows), 0, 0, None, 10_000)

    def known_parts(self, line: str, before: int | None, limit: int) -> list[tuple[PartRow, PartReviews]]:
        rows = [row for row in self._ledger.rows[::-1] if row.part.key.line == line]
        known = self._ledger.reviews_of([row.number for row in rows if before is None or row.number < before])
        return [(row, known[row.number]) for row in rows if row.number in known][:limit]

    def add_reviews(self, change: ReviewChange) -> list[StoredReview]:
        return [self._add(review) for review in change.reviews]

    def _add(self, review: Review) -> StoredReview:
        if self.part(review.result_id) is None:
            raise NotFoundError(f"no part has the result_id {review.result_id!r}")
        self._ledger.reviews.append(accepted(review, self.reviews_of_part(review.result_id)))
        rows = self.reviews_of_part(review.result_id)
        return StoredReview(rows[-1], truth_of(rows), True)

    def take_leases(self, request: LeaseRequest) -> list[ReviewLease]:
        waiting, purpose = request.waiting, PURPOSES[request.waiting.list][0]
        rows = [row for row in self._ledger.rows if row.part.key.line == waiting.line][: request.parts]
        for row in rows:
            how = (waiting.reviewer, purpose, request.blind, request.until)
            key = (waiting.reviewer, row.part.result_id)
            self._leases[key] = ReviewLease(row.part.result_id, row.number, waiting.line, *how)
        return [self._leases[waiting.reviewer, row.part.result_id] for row in rows]

    def lease_of(self, reviewer: str, result_id: str) -> ReviewLease | None:
        return self._leases.get((reviewer, result_id))

    def end_leases(self, reviewer: str, result_ids: Sequence[str]) -> int:
        return sum(self._leases.pop((reviewer, each), None) is not None for each in result_ids)
