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
from inspector.utc import utc_now

COLUMNS: Final = "columns trigger_id, verdict (ok or ng), and optionally camera and note"


class ReviewRow(NamedTuple):
    """One row of the CSV file."""

    key: FrameKey
    is_ng: bool
    note: str


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
    if not trigger_id:
        raise InspectorError(f"{place}: column trigger_id is empty or missing; write {COLUMNS}")
    if not row_camera:
        raise InspectorError(f"{place}: no camera; add a column camera, or name one with --camera")
    return ReviewRow(FrameKey(line, row_camera, trigger_id), verdict, row.get("note") or "")


def store_reviews(database: str, rows: Sequence[ReviewRow], reviewer: str | None) -> dict[str, Any]:
    """Store all reviews, or none. Returns their counts. Raises InspectorError for parts that the ledger lacks."""
    asyncio.run(_store_rows(database, rows, reviewer or _user()))
    return _counts(row.is_ng for row in rows)


async def _store_rows(database: str, rows: Sequence[ReviewRow], reviewer: str) -> None:
    async with SqlLedger(database) as ledger:
        parts = [await ledger.find(row.key) for row in rows]
        missing = [row.key for row, part in zip(rows, parts, strict=True) if part is None]
        if missing:
            raise InspectorError(f"{len(missing)} part(s) not in the ledger, such as {missing[0]}; nothing was stored")
        reviews = [
            Review(part.result_id, row.is_ng, reviewer, utc_now(), row.note)
            for row, part in zip(rows, parts, strict=True)
            if part is not None
        ]
        await ledger.add_reviews(reviews)


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
