"""Store people's answers about decided parts: from a CSV file, or from the labels of a replayed folder."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from inspector.adapters.ledger import SqlLedger
from inspector.adapters.mqtt.line_client import Journey
from inspector.domain.review import Review
from inspector.errors import InspectorError
from inspector.operations.review_file import ReviewRow
from inspector.ports.ledger import PartCandidate
from inspector.utc import utc_now

MAX_LISTED_FAULTS: Final = 10  # rows in one error


class NamedPart(NamedTuple):
    """A row and the part that it is about."""

    row: ReviewRow
    result_id: str


def store_reviews(database: str, rows: Sequence[ReviewRow], reviewer: str | None) -> dict[str, Any]:
    """Store all reviews, or none. Returns their counts. Raises InspectorError for parts that the ledger lacks."""
    asyncio.run(_store_rows(database, rows, reviewer or _user()))
    return _counts(row.is_ng for row in rows)


async def _store_rows(database: str, rows: Sequence[ReviewRow], reviewer: str) -> None:
    async with SqlLedger(database) as ledger:
        found = [await _candidates(ledger, row) for row in rows]
        _require_known(rows, found)
        _require_unambiguous(rows, found)
        parts = [NamedPart(row, named[0].result_id) for row, named in zip(rows, found, strict=True)]
        _require_one_answer(parts)
        await ledger.add_reviews([Review(id_, row.is_ng, reviewer, utc_now(), row.note) for row, id_ in parts])


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
        if first.setdefault(part.result_id, part.row).is_ng is not part.row.is_ng
    ]
    if contradictions:
        raise InspectorError(
            f"{len(contradictions)} part(s) are both ok and ng; nothing was stored. Keep one row of each: "
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


def review_journeys(database: str, journeys: Iterable[Journey]) -> dict[str, Any]:
    """Store the labels of a replayed folder as reviews of the resulting parts. Returns their counts."""
    labelled = [each for each in journeys if each.verdicts and each.exposure.is_ng is not None]
    reviews = [
        Review(
            journey.verdicts[0][1].result_id, bool(journey.exposure.is_ng), _user(), utc_now(), "label of the folder"
        )
        for journey in labelled
    ]
    asyncio.run(_store(database, reviews))
    return _counts(review.is_ng for review in reviews)


async def _store(database: str, reviews: Sequence[Review]) -> None:
    async with SqlLedger(database) as ledger:
        await ledger.add_reviews(reviews)


def _counts(is_ng: Iterable[bool]) -> dict[str, Any]:
    counts = Counter(is_ng)
    return {"reviewed": {"ok": counts[False], "ng": counts[True]}}


def _user() -> str:
    return os.environ.get("USER", "")
