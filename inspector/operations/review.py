"""Store people's answers about decided parts: from a CSV file, or from the labels of a replayed folder."""

from __future__ import annotations

import asyncio
import csv
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from inspector.adapters.ledger import SqlLedger
from inspector.adapters.mqtt.line_client import Journey
from inspector.domain.frame import FrameKey
from inspector.domain.review import Review
from inspector.errors import InspectorError
from inspector.ports.ledger import PartCandidate
from inspector.utc import utc_now

COLUMNS: Final = "columns trigger_id or result_id, verdict (ok or ng), and optionally camera, part_id and note"
MAX_LISTED_FAULTS: Final = 10  # rows in one error


class ReviewRow(NamedTuple):
    """One row of the CSV file. A `result_id` wins over the key and the part_id, which may name several parts."""

    key: FrameKey
    is_ng: bool
    note: str
    result_id: str | None = None
    part_id: str | None = None

    def may_mean(self, candidate: PartCandidate) -> bool:
        return self.part_id is None or candidate.identity.part_id == self.part_id


def read_review_rows(file: Path, line: str, camera: str | None) -> list[ReviewRow]:
    """Read a CSV file of reviews. Raises InspectorError that names the unusable row."""
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError) as error:
        raise InspectorError(f"{file} can't be read: {error}; name a CSV file with {COLUMNS}") from error
    if not rows:
        raise InspectorError(f"{file} has no rows; write {COLUMNS}")
    return [_review_row(row, f"{file} row {number}", line, camera) for number, row in enumerate(rows, start=2)]


def _review_row(row: dict[str, str | None], place: str, line: str, camera: str | None) -> ReviewRow:
    verdict = {"ng": True, "ok": False}.get((row.get("verdict") or "").strip().lower())
    trigger_id, row_camera = row.get("trigger_id"), row.get("camera") or camera
    if verdict is None:
        raise InspectorError(f"{place}: verdict {row.get('verdict')!r} is neither ok nor ng")
    result_id, part_id = row.get("result_id") or None, row.get("part_id") or None
    if not trigger_id and not result_id:
        raise InspectorError(f"{place}: columns trigger_id and result_id are empty or missing; write {COLUMNS}")
    if not row_camera and not result_id:
        raise InspectorError(f"{place}: no camera; add a column camera, or name one with --camera")
    key = FrameKey(line, row_camera or "", trigger_id or "")
    return ReviewRow(key, verdict, row.get("note") or "", result_id, part_id)


def store_reviews(database: str, rows: Sequence[ReviewRow], reviewer: str | None) -> dict[str, Any]:
    """Store all reviews, or none. Returns their counts. Raises InspectorError for parts that the ledger lacks."""
    asyncio.run(_store_rows(database, rows, reviewer or _user()))
    return _counts(row.is_ng for row in rows)


async def _store_rows(database: str, rows: Sequence[ReviewRow], reviewer: str) -> None:
    async with SqlLedger(database) as ledger:
        found = [await _candidates(ledger, row) for row in rows]
        missing = [row.key for row, named in zip(rows, found, strict=True) if not named]
        if missing:
            raise InspectorError(f"{len(missing)} part(s) not in the ledger, such as {missing[0]}; nothing was stored")
        _require_unambiguous(rows, found)
        reviews = [
            Review(named[0].result_id, row.is_ng, reviewer, utc_now(), row.note)
            for row, named in zip(rows, found, strict=True)
        ]
        await ledger.add_reviews(reviews)


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
    listed = "; ".join(f"{row.key}: {', '.join(map(_shown, named))}" for row, named in unclear[:MAX_LISTED_FAULTS])
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
