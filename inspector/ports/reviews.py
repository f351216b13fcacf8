"""Port of `adapters/ledger`: people's reviews of parts, and who has which part on screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from inspector.domain.review import Review
from inspector.domain.truth import Truth


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
