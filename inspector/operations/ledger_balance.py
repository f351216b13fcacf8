"""The balance of a line's accounts: every trigger decided or lost, every verdict published or pending."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from inspector.adapters.ledger import SqlArchive
from inspector.domain.part import PartState
from inspector.domain.reconciliation import Balance, CameraAccount, CountComparison, in_flight_time
from inspector.errors import LedgerError
from inspector.ports.archive import Archive


def line_balance(database: str, line: str, now: datetime) -> Balance:
    """The balance at `now`. Raises LedgerError for an unknown line."""
    with closing(SqlArchive(database)) as archive:
        return archive.balance(line, now, now - _in_flight(archive, line))


def as_json(balance: Balance) -> dict[str, Any]:
    problems = balance.problems()
    return {
        "line": balance.line,
        "at": balance.at.isoformat(),
        "balanced": not problems,
        "problems": problems,
        "triggers_seen": balance.triggers_seen,
        "decided": balance.decided,
        "lost": balance.lost,
        "unaccounted": balance.unaccounted,
        "published": balance.published,
        "pending": balance.pending,
        "acknowledged": balance.acknowledged,
        "states": _states(balance),
        "cameras": [_camera(camera) for camera in balance.cameras],
        "plc_counts": [_comparison(comparison) for comparison in balance.compared],
    }


def _in_flight(archive: Archive, line: str) -> timedelta:
    """The longest time that a frame of this line may be in flight. Raises LedgerError for an unknown line."""
    deadlines = {version.pipeline.line: version.pipeline.deadline_ms for version in archive.list_pipelines()}
    known = deadlines.keys() | {camera.line for camera in archive.list_cameras()}
    if line not in known:
        raise LedgerError(f"no line {line!r} in the ledger; there are: {', '.join(sorted(known)) or 'none'}")
    return in_flight_time(deadlines.get(line, 0.0))


def _states(balance: Balance) -> dict[str, int]:
    """The number of triggers in each state. The ledger alone cannot separate received from being judged."""
    return {
        PartState.RECEIVED: balance.in_flight,
        PartState.DECIDED: balance.decided - balance.published,
        PartState.PUBLISHED: balance.published - balance.acknowledged,
        PartState.ACKNOWLEDGED: balance.acknowledged,
        PartState.LOST: balance.lost,
    }


def _camera(camera: CameraAccount) -> dict[str, Any]:
    return {
        "camera": camera.camera,
        "decided": camera.decided,
        "lost": camera.lost,
        "in_flight": camera.in_flight,
        "runs": camera.runs,
        "unaccounted": [span._asdict() for span in camera.unaccounted],
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
