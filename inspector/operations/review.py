"""Store people's answers about decided parts: from a CSV file, or from the labels of a replayed folder."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any, Final, NamedTuple

from inspector.adapters.ledger import SqlLedger, SqlReviewStore
from inspector.adapters.mqtt.line_client import Journey
from inspector.domain.review import Review, ReviewLabel, ReviewMode
from inspector.domain.truth import TruthState
from inspector.errors import InspectorError
from inspector.messages.topics import Topics
from inspector.operations.line_states import user_name
from inspector.operations.review_file import ReviewRow
from inspector.ports.ledger import PartCandidate
from inspector.ports.reviews import ReviewChange
from inspector.utc import utc_now

MAX_LISTED_FAULTS: Final = 10  # rows in one error
MAX_REVIEWS_PER_WRITE: Final = 10_000  # in one transaction, during which no part can be stored
LABELS: Final = {True: ReviewLabel.NG, False: ReviewLabel.OK}


class NamedPart(NamedTuple):
    """A row and the part that it is about."""

    row: ReviewRow
    result_id: str


def store_reviews(database: str, topics: Topics, rows: Sequence[ReviewRow], reviewer: str | None) -> dict[str, Any]:
    """Store all reviews, or none. Returns their counts. Raises InspectorError for parts that the ledger lacks.

    `topics` are those of the messages that tell lines about changed dispositions.
    """
    _require_few(rows)
    parts, by = asyncio.run(_named_parts(database, rows)), reviewer or user_name()
    return _store(
        database, topics, [_review(result_id, row.label, by, row.note, row.classes) for row, result_id in parts]
    )


def _require_few(rows: Sequence[ReviewRow]) -> None:
    if len(rows) > MAX_REVIEWS_PER_WRITE:
        raise InspectorError(
            f"the file has {len(rows):,} answers, and the lines' stations wait while they are stored; use files of at "
            f"most {MAX_REVIEWS_PER_WRITE:,}"
        )


async def _named_parts(database: str, rows: Sequence[ReviewRow]) -> list[NamedPart]:
    """Return the part of every row. Raises InspectorError for rows that mean none, several or contradict each other."""
    async with SqlLedger(database) as ledger:
        found = [await _candidates(ledger, row) for row in rows]
    _require_known(rows, found)
    _require_unambiguous(rows, found)
    parts = [NamedPart(row, named[0].result_id) for row, named in zip(rows, found, strict=True)]
    _require_one_answer(parts)
    return parts


def _review(result_id: str, label: ReviewLabel, by: str, note: str, classes: tuple[str, ...] = ()) -> Review:
    return Review(uuid.uuid4().hex, result_id, label, by, utc_now(), ReviewMode.IMPORT, note, classes)


def _require_known(rows: Sequence[ReviewRow], found: Sequence[Sequence[PartCandidate]]) -> None:
    missing = [f"row {row.number} {row.name}" for row, named in zip(rows, found, strict=True) if not named]
    if missing:
        raise InspectorError(
            f"{len(missing)} part(s) not in the ledger; nothing was stored. Correct the ids, the camera or --line: "
            + _listed(missing)
        )


def _require_one_answer(parts: Sequence[NamedPart]) -> None:
    """Refuse rows that answer differently about the same part."""
    first: dict[str, ReviewRow] = {}
    contradictions = [
        f"rows {first[part.result_id].number} and {part.row.number}"
        for part in parts
        if first.setdefault(part.result_id, part.row).label is not part.row.label
    ]
    if contradictions:
        raise InspectorError(
            f"{len(contradictions)} part(s) have different answers; nothing was stored. Keep one row of each: "
            + _listed(contradictions)
        )


def _listed(rows: Sequence[str]) -> str:
    others = len(rows) - MAX_LISTED_FAULTS
    return ", ".join(rows[:MAX_LISTED_FAULTS]) + (f" and {others} more" if others > 0 else "")


async def _candidates(ledger: SqlLedger, row: ReviewRow) -> list[PartCandidate]:
    """Return the parts that a row may mean."""
    if row.result_id is not None:
        named = await ledger.named(row.result_id)
        return [named] if named is not None and named.identity.key.line == row.key.line else []
    return [each for each in await ledger.candidates(row.key) if row.may_mean(each)]


def _require_unambiguous(rows: Sequence[ReviewRow], found: Sequence[Sequence[PartCandidate]]) -> None:
    """Refuse rows that may mean several parts, and list these."""
    unclear = [(row, named) for row, named in zip(rows, found, strict=True) if len(named) > 1]
    if not unclear:
        return
    listed = "; ".join(
        f"row {row.number} {row.name}: {', '.join(map(_shown, named))}" for row, named in unclear[:MAX_LISTED_FAULTS]
    )
    raise InspectorError(
        f"{len(unclear)} row(s) may mean several parts; nothing was stored. Add a column result_id or part_id. {listed}"
    )


def _shown(candidate: PartCandidate) -> str:
    part_id = candidate.identity.part_id or "none"
    return f"result_id {candidate.result_id} (part_id {part_id}, received {candidate.received_at.isoformat()})"


def review_journeys(database: str, topics: Topics, journeys: Iterable[Journey]) -> dict[str, Any]:
    """Store the labels of a replayed folder as reviews of the resulting parts. Returns their counts."""
    by = user_name()
    return _store(
        database,
        topics,
        [
            _review(each.verdicts[0][1].result_id, LABELS[each.exposure.is_ng], by, "label of the folder")
            for each in journeys
            if each.verdicts and each.exposure.is_ng is not None
        ],
    )


def _store(database: str, topics: Topics, reviews: Sequence[Review]) -> dict[str, Any]:
    """Store the reviews in as few transactions as may be; a file's answers are one."""
    disputed = 0
    with closing(SqlReviewStore(database, topics)) as store:
        for at in range(0, len(reviews), MAX_REVIEWS_PER_WRITE):
            stored = store.add_reviews(ReviewChange(reviews[at : at + MAX_REVIEWS_PER_WRITE]))
            disputed += sum(each.truth.state is TruthState.DISPUTED for each in stored)
    counts = Counter(review.label for review in reviews)
    return {"reviewed": {label.lower(): counts[label] for label in ReviewLabel}, "disputed": disputed}
