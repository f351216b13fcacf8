"""Port of `adapters/ledger`: people's reviews of parts, the parts that wait for people, and who has which on screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from inspector.domain.declared import Disposition
from inspector.domain.pipeline import Thresholds
from inspector.domain.review import Review
from inspector.domain.review_lease import ReviewLease, ReviewList
from inspector.domain.truth import Truth
from inspector.ports.archive import PartReviews, PartRow


class StoredReview(NamedTuple):
    """A review as it was stored, and the part's truth after it. `is_new` is false for one that was sent again."""

    review: Review
    truth: Truth
    is_new: bool


class ReviewChange(NamedTuple):
    """Reviews to append in one transaction, all or none.

    `seen` is how many rows the part had when the author looked at it; None where that does not matter.
    """

    reviews: Sequence[Review]
    seen: int | None = None


class ReviewStore(Protocol):
    """Appends reviews. Synchronous. Raises LedgerError."""

    def add_reviews(self, change: ReviewChange) -> list[StoredReview]:
        """Append the reviews with the parts' new truths and the messages for the line, in one transaction.

        The pictures of reviewed parts are kept. Raises NotFoundError for an unknown part, ConflictError for a
        review_id of another review, StaleError where the part has other reviews than were seen, and InspectorError for
        an answer that is not accepted; then nothing is stored.
        """


class WaitingQuery(NamedTuple):
    """Which parts of a line wait for this person.

    `fingerprint` and `thresholds` are those that judge the line's parts now; without a fingerprint no part teaches.
    `audit_shares` are the probabilities of audits. Parts that somebody has on screen at `now` do not wait. `named` are
    the parts of a list of named ones, in their order.
    """

    line: str
    list: ReviewList
    reviewer: str
    audit_shares: Mapping[Disposition, float]
    thresholds: Thresholds
    fingerprint: str | None
    now: datetime
    named: tuple[str, ...] = ()


class LeaseRequest(NamedTuple):
    """Ask for so many waiting parts until this time; `blind` hides their verdicts."""

    waiting: WaitingQuery
    parts: int
    blind: bool
    until: datetime


class LeaseStore(Protocol):
    """Gives parts to people, each to one person at a time. Synchronous. Raises LedgerError."""

    def take_leases(self, request: LeaseRequest) -> list[ReviewLease]:
        """Return the person's parts of this list, renewed, and further ones until there are as many as asked for."""

    def lease_of(self, reviewer: str, result_id: str) -> ReviewLease | None:
        """Return what this person was given the part for, also after the lease has ended; None where they were not."""

    def end_leases(self, reviewer: str, result_ids: Sequence[str]) -> int:
        """Give parts of this person back; return how many there were."""


class WaitingCounts(NamedTuple):
    """How many parts of a line wait for people, each counted up to `limit`; `oldest_open` is when it was decided."""

    open: int
    never_judged: int
    disputed: int
    oldest_open: datetime | None
    limit: int


class ReviewArchive(Protocol):
    """What is known about parts and their reviews. Synchronous. Raises LedgerError."""

    def part(self, result_id: str) -> PartRow | None: ...

    def reviews_of_part(self, result_id: str) -> list[Review]:
        """List all rows of a part's reviews, oldest first."""

    def review_page(
        self, line: str | None, before: int | None, limit: int, lines: Sequence[str] | None = None
    ) -> list[ListedReview]:
        """List reviews, newest first. `lines` are all that may be listed."""

    def waiting_counts(self, line: str) -> WaitingCounts: ...

    def known_parts(self, line: str, before: int | None, limit: int) -> list[tuple[PartRow, PartReviews]]:
        """List the line's parts whose truth is OK or NG, newest first."""


class ListedReview(NamedTuple):
    """One listed review: its number, which grows with time, and the review."""

    number: int
    review: Review
