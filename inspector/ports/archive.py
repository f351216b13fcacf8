"""Port of `adapters/ledger`: the reading side, for the console and exports."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol

from inspector.domain.part import PartRecord
from inspector.ports.ledger import CameraRow, Event, PipelineVersion


class PartFilter(NamedTuple):
    """Which parts to list; None means any. `before` and `after` are part numbers (paging): only
    older parts, or only newer ones. With `after` a limit keeps the parts nearest to it, without it the newest."""

    line: str | None = None
    camera: str | None = None
    disposition: str | None = None
    reason: str | None = None
    before: int | None = None
    after: int | None = None


class PartRow(NamedTuple):
    """One listed part: its number (grows with time) and the record. Lists leave `votes[].text` out."""

    number: int
    part: PartRecord


class Totals(NamedTuple):
    """Counts since `since`: how many parts per (line, disposition, reason), messages waiting, frames lost."""

    parts: dict[tuple[str, str, str], int]
    outbox: int
    lost: int
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    votes_mean: float | None


class Archive(Protocol):
    """Reading side of the ledger. Synchronous: called in a worker thread. Raises LedgerError."""

    def parts(self, wanted: PartFilter, limit: int) -> list[PartRow]:
        """Newest first."""

    def part(self, result_id: str) -> PartRow | None: ...

    def totals(self, since: datetime) -> Totals: ...

    def list_cameras(self) -> list[CameraRow]: ...

    def list_events(self, limit: int) -> list[Event]:
        """Newest first."""

    def list_pipelines(self) -> list[PipelineVersion]:
        """The newest version of every line."""
