"""Stores reviews of the given parts one by one, for ever, and prints the id of each that is stored."""

from __future__ import annotations

import sys
from itertools import count, cycle

from support.reviews import NG, OK, a_review

from inspector.adapters.ledger import SqlReviewStore
from inspector.messages.topics import Topics
from inspector.ports.reviews import ReviewChange


def main(url: str, name: str, parts: int) -> None:
    store = SqlReviewStore(url, Topics())
    for number, part in zip(count(), cycle(range(parts))):
        label = (OK, NG)[number // parts % 2]
        review = a_review(f"pcb-cam1-t-{part}", label, name, review_id=f"{name}-{number}")
        store.add_reviews(ReviewChange([review]))
        print(review.review_id, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
