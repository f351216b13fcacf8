"""Takes people's answers about decided parts into the ledger: from a table, or from the labels of a replayed folder."""

from __future__ import annotations

import asyncio
import csv
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from inspector.adapters.ledger import SqlLedger
from inspector.adapters.mqtt.line_client import Journey
from inspector.domain.frame import FrameKey
from inspector.domain.review import Review
from inspector.errors import InspectorError
from inspector.utc import utc_now

COLUMNS = "columns trigger_id, verdict (ok or ng), and camera and note where known"


class ReviewRow(NamedTuple):
    """One row of the table."""

    key: FrameKey
    is_ng: bool
    note: str


def read_review_rows(file: Path, line: str, camera: str | None) -> list[ReviewRow]:
    """The rows of a CSV file. Raises InspectorError naming the row that can't be used."""
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError) as error:
        raise InspectorError(f"{file} can't be read: {error}; name a CSV file with {COLUMNS}") from error
    if not rows:
        raise InspectorError(f"{file} has no rows; write {COLUMNS}")
    return [_told(row, f"{file} row {number}", line, camera) for number, row in enumerate(rows, start=2)]


def _told(row: dict[str, str | None], place: str, line: str, camera: str | None) -> ReviewRow:
    verdict = {"ng": True, "ok": False}.get((row.get("verdict") or "").strip().lower())
    trigger_id, seen_by = row.get("trigger_id"), row.get("camera") or camera
    if verdict is None:
        raise InspectorError(f"{place}: verdict {row.get('verdict')!r} is neither ok nor ng")
    if not trigger_id:
        raise InspectorError(f"{place}: column trigger_id is empty or missing; write {COLUMNS}")
    if not seen_by:
        raise InspectorError(f"{place}: no camera; add a column camera, or name one with --camera")
    return ReviewRow(FrameKey(line, seen_by, trigger_id), verdict, row.get("note") or "")


def review(database: str, told: Sequence[ReviewRow], reviewer: str | None) -> dict[str, Any]:
    """All or none. Raises InspectorError for parts that the ledger does not hold."""
    asyncio.run(_review(database, told, reviewer or _me()))
    return _counted(each.is_ng for each in told)


async def _review(database: str, told: Sequence[ReviewRow], reviewer: str) -> None:
    async with SqlLedger(database) as ledger:
        known = [await ledger.find(each.key) for each in told]
        missing = [each.key for each, found in zip(told, known, strict=True) if found is None]
        if missing:
            raise InspectorError(f"{len(missing)} part(s) not in the ledger, such as {missing[0]}; nothing was stored")
        reviews = [
            Review(found.result_id, each.is_ng, reviewer, utc_now(), each.note)
            for each, found in zip(told, known, strict=True)
            if found is not None
        ]
        await ledger.add_reviews(reviews)


def review_journeys(database: str, journeys: Iterable[Journey]) -> dict[str, Any]:
    """The labels of a replayed folder as reviews of the parts that they became."""
    answered = [each for each in journeys if each.verdicts and each.exposure.is_ng is not None]
    reviews = [
        Review(journey.verdicts[0][1].result_id, bool(journey.exposure.is_ng), _me(), utc_now(), "label of the folder")
        for journey in answered
    ]
    asyncio.run(_add(database, reviews))
    return _counted(each.is_ng for each in reviews)


async def _add(database: str, reviews: Sequence[Review]) -> None:
    async with SqlLedger(database) as ledger:
        await ledger.add_reviews(reviews)


def _counted(said: Iterable[bool]) -> dict[str, Any]:
    counts = Counter(said)
    return {"reviewed": {"ok": counts[False], "ng": counts[True]}}


def _me() -> str:
    return os.environ.get("USER", "")
