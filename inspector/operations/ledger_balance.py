"""A line's books, for people and for scripts: every trigger decided or lost, every verdict published or waiting."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from inspector.adapters.ledger import SqlArchive
from inspector.domain.part import PartState
from inspector.domain.reconciliation import Balance, CameraAccount, CountComparison, in_flight_time
from inspector.errors import LedgerError
from inspector.ports.archive import Archive


def line_balance(database: str, line: str, now: datetime) -> Balance:
    """How the books stand now. Raises LedgerError for a line that nobody knows."""
    archive = SqlArchive(database)
    try:
        return archive.balance(line, now, now - _in_flight(archive, line))
    finally:
        archive.close()


def as_json(books: Balance) -> dict[str, Any]:
    problems = books.problems()
    return {
        "line": books.line,
        "at": books.at.isoformat(),
        "balanced": not problems,
        "problems": problems,
        "triggers_seen": books.triggers_seen,
        "decided": books.decided,
        "lost": books.lost,
        "unaccounted": books.unaccounted,
        "published": books.published,
        "pending": books.pending,
        "acknowledged": books.acknowledged,
        "states": _states(books),
        "cameras": [_camera(camera) for camera in books.cameras],
        "plc_counts": [_comparison(comparison) for comparison in books.compared],
    }


def _in_flight(archive: Archive, line: str) -> timedelta:
    """How long a frame of this line may be in flight. Raises LedgerError for a line that nobody knows."""
    deadlines = {version.pipeline.line: version.pipeline.deadline_ms for version in archive.list_pipelines()}
    known = deadlines.keys() | {camera.line for camera in archive.list_cameras()}
    if line not in known:
        raise LedgerError(f"no line {line!r} in the ledger; there are: {', '.join(sorted(known)) or 'none'}")
    return in_flight_time(deadlines.get(line, 0.0))


def _states(books: Balance) -> dict[str, int]:
    """Each trigger in one state; what is received or being judged is not told apart from outside the station."""
    return {
        PartState.RECEIVED: books.in_flight,
        PartState.DECIDED: books.decided - books.published,
        PartState.PUBLISHED: books.published - books.acknowledged,
        PartState.ACKNOWLEDGED: books.acknowledged,
        PartState.LOST: books.lost,
    }


def _camera(camera: CameraAccount) -> dict[str, Any]:
    return {
        "camera": camera.camera,
        "decided": camera.decided,
        "lost": camera.lost,
        "in_flight": camera.in_flight,
        "unaccounted": [list(span) for span in camera.unaccounted],
    }


def _comparison(comparison: CountComparison) -> dict[str, Any]:
    counted, decided, lost = comparison
    return {
        "camera": counted.camera,
        "since": counted.since.isoformat(),
        "until": counted.until.isoformat(),
        "counted": counted.triggers,
        "decided": decided,
        "lost": lost,
        "difference": comparison.difference,
    }
