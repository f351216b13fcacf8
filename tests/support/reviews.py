"""People's answers, written in a line, and stored as commands store them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any

from support.databases import Opened
from support.fakes import NOON, MemoryLedger

from inspector.adapters.ledger import SqlReviewStore
from inspector.domain.review import Review, ReviewLabel
from inspector.messages.topics import Topics
from inspector.ports.reviews import ReviewChange, StoredReview

OK, NG, UNSURE = ReviewLabel.OK, ReviewLabel.NG, ReviewLabel.UNSURE
_IDS = itertools.count()


def a_review(
    result_id: str, label: ReviewLabel | None = OK, by: str = "ann", at: datetime = NOON, **changes: Any
) -> Review:
    """A person's answer with an id of its own, unless `changes` name one."""
    return replace(Review(f"review-{next(_IDS)}", result_id, label, by, at), **changes)


def labelled(result_id: str, is_ng: bool, by: str = "ann", at: datetime = NOON) -> Review:
    return a_review(result_id, NG if is_ng else OK, by, at)


def review(opened: Opened, reviews: Sequence[Review]) -> None:
    """Store the answers in a real ledger or in the fake."""
    if isinstance(opened.ledger, MemoryLedger):
        opened.ledger.reviews += reviews
    else:
        add_reviews(opened.url, reviews)


def add_reviews(url: str, reviews: Sequence[Review], seen: int | None = None) -> list[StoredReview]:
    with closing(SqlReviewStore(url, Topics())) as store:
        return store.add_reviews(ReviewChange(reviews, seen))
