"""Stand-ins at the story's ports, and parts to work with. A fake keeps the promises of its port: the tests of
the ledger run against `MemoryLedger` too."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from inspector.decision import Decision, Reason, Verdict
from inspector.errors import LedgerError
from inspector.frame import FrameKey
from inspector.part import Evidence, PartRecord, PartState, PipelineRef
from inspector.pipeline import Disposition, Pipeline, ViewName
from inspector.ports import (
    CameraRow,
    Event,
    Known,
    Outgoing,
    PartFilter,
    PartRow,
    PipelineVersion,
    Sighting,
    Totals,
)
from inspector.report import Words, WordsState
from inspector.vote import StoppedBy, Vote

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PASSED = Decision(Verdict.OK, Disposition.PASS, Reason.NO_DEFECT)
REJECTED = Decision(Verdict.NG, Disposition.REJECT, Reason.DEFECT)


def a_part(trigger_id: str = "t-1", *, line: str = "pcb", camera: str = "cam1", **changes: Any) -> PartRecord:
    """A passed part with one vote, unless `changes` say otherwise."""
    part = PartRecord(
        result_id=f"{line}-{camera}-{trigger_id}",
        key=FrameKey(line, camera, trigger_id),
        decision=PASSED,
        pipeline=PipelineRef(line, 1, "0123456789abcdef"),
        received_at=NOON,
        decided_at=NOON,
        latency_ms=120.0,
        deadline_ms=1500.0,
        late=False,
        votes=(Vote(ViewName.DIRECT, 0, 0.04, 1, 31.5, "No"),),
        rungs=1,
        stopped_by=StoppedBy.SETTLED,
    )
    return replace(part, **changes)


def a_verdict(part: PartRecord) -> Outgoing:
    return Outgoing(part.result_id, f"inspector/v1/{part.key.line}/{part.key.camera}/verdict", b"{}", confirms=True)


def a_pipeline(line: str = "pcb", **declared: Any) -> Pipeline:
    told = {
        "product": "board",
        "question": "Is there any defect?",
        "defects": {"scratch": "major", "short": "critical"},
    }
    return Pipeline.model_validate({"line": line, **told, "ladder": [{"views": ["direct"]}], **declared})


@dataclass
class Posted:
    """A message in the outbox. `published` once the broker has it."""

    message: Outgoing
    result_id: str
    line: str
    published: bool = False


class MemoryLedger:
    """`ports.Ledger` and `ports.Archive` in lists. `away` takes the database away."""

    def __init__(self, pipelines: Sequence[PipelineVersion] = ()) -> None:
        self.away = False
        self.versions = list(pipelines)
        self.rows: list[PartRow] = []
        self.outbox: list[Posted] = []
        self.seen: dict[tuple[str, str], CameraRow] = {}
        self.losses: list[Sighting] = []
        self.events: list[Event] = []

    # ------------------------------------------------------------------ ports.Ledger

    async def find(self, key: FrameKey) -> Known | None:
        self._reach()
        part = next((row.part for row in self.rows if row.part.key == key), None)
        if part is None:
            return None
        posted = (each.message for each in self.outbox if each.result_id == part.result_id and each.message.confirms)
        return Known(part.result_id, next(posted, None))

    async def record(self, part: PartRecord, outgoing: Sequence[Outgoing]) -> bool:
        if await self.find(part.key):
            return False
        self.rows.append(PartRow(len(self.rows) + 1, part))
        self.outbox += [Posted(message, part.result_id, part.key.line) for message in outgoing]
        return True

    async def finish_words(self, result_id: str, words: Words, outgoing: Sequence[Outgoing]) -> None:
        self._reach()
        row = self.part(result_id)
        if row is None:
            raise LedgerError(f"no part has result_id {result_id!r}; record the part before its words")
        if row.part.words.state is WordsState.PENDING:
            self._put(replace(row.part, words=words))
            self.outbox += [Posted(message, result_id, row.part.key.line) for message in outgoing]

    async def unfinished_words(self, lines: Sequence[str]) -> list[PartRecord]:
        self._reach()
        parts = [row.part for row in self.rows if row.part.key.line in lines]
        return [part for part in parts if part.words.state is WordsState.PENDING]

    async def unpublished(self, lines: Sequence[str] | None, limit: int) -> list[Outgoing]:
        self._reach()
        waiting = [each for each in self.outbox if not each.published]
        return [each.message for each in waiting if lines is None or each.line in lines][:limit]

    async def confirm(self, message_ids: Sequence[str]) -> None:
        self._reach()
        for posted in self.outbox:
            if posted.message.message_id in message_ids:
                posted.published = True
                row = self.part(posted.result_id)
                if row and posted.message.confirms:
                    self._put(replace(row.part, state=PartState.PUBLISHED))

    async def pipelines(self) -> list[PipelineVersion]:
        return self.list_pipelines()

    async def saw_camera(self, sightings: Sequence[Sighting]) -> None:
        self._reach()
        for sighting in sightings:
            key = (sighting.line, sighting.camera)
            self.seen[key] = _added(self.seen.get(key), sighting)
        self.losses += [sighting for sighting in sightings if sighting.lost]

    async def cameras(self) -> list[CameraRow]:
        return self.list_cameras()

    async def add_events(self, events: Sequence[Event]) -> None:
        self._reach()
        known = {event.event_id for event in self.events}
        self.events += [event for event in events if event.event_id not in known]

    # ------------------------------------------------------------------ ports.Archive

    def parts(self, wanted: PartFilter, limit: int) -> list[PartRow]:
        self._reach()
        fitting = [_without_texts(row) for row in self.rows if _fits(row, wanted)]
        page = fitting[:limit] if wanted.after is not None else fitting[max(len(fitting) - limit, 0) :]
        return page[::-1]

    def part(self, result_id: str) -> PartRow | None:
        self._reach()
        return next((row for row in self.rows if row.part.result_id == result_id), None)

    def totals(self, since: datetime) -> Totals:
        self._reach()
        recent = [row.part for row in self.rows if row.part.decided_at >= since]
        latencies = sorted(part.latency_ms for part in recent)
        return Totals(
            parts=dict(
                Counter((part.key.line, str(part.decision.disposition), str(part.decision.reason)) for part in recent)
            ),
            outbox=sum(not posted.published for posted in self.outbox),
            lost=sum(loss.lost for loss in self.losses if loss.at >= since),
            latency_p50_ms=_percentile(latencies, 50),
            latency_p99_ms=_percentile(latencies, 99),
            votes_mean=sum(len(part.votes) for part in recent) / len(recent) if recent else None,
        )

    def list_cameras(self) -> list[CameraRow]:
        self._reach()
        return [self.seen[key] for key in sorted(self.seen)]

    def list_events(self, limit: int) -> list[Event]:
        self._reach()
        return self.events[::-1][:limit]

    def list_pipelines(self) -> list[PipelineVersion]:
        self._reach()
        newest = {version.pipeline.line: version for version in sorted(self.versions, key=lambda each: each.version)}
        return [newest[line] for line in sorted(newest)]

    def _reach(self) -> None:
        if self.away:
            raise LedgerError("the database is away")

    def _put(self, part: PartRecord) -> None:
        self.rows = [row._replace(part=part) if row.part.result_id == part.result_id else row for row in self.rows]


class MemoryEvidence:
    """`ports.EvidenceStore` in a dict. `full` fills the disk."""

    def __init__(self) -> None:
        self.full = False
        self.pictures: dict[str, bytes] = {}

    def put(self, data: bytes, media_type: str) -> Evidence:
        if self.full:
            raise LedgerError("no space left for pictures")
        sha256 = hashlib.sha256(data).hexdigest()
        self.pictures[sha256] = data
        return Evidence(sha256, media_type, len(data))

    def get(self, sha256: str) -> bytes:
        return self.pictures[sha256]


def _added(row: CameraRow | None, seen: Sighting) -> CameraRow:
    if row is None:
        return CameraRow(
            seen.line, seen.camera, seen.known, seen.status, seen.at, seen.at, seen.frames, seen.lost, seen.last_seq
        )
    return replace(
        row,
        known=seen.known,
        status=seen.status if seen.status is not None else row.status,
        last_seen=max(row.last_seen, seen.at),
        frames=row.frames + seen.frames,
        lost=row.lost + seen.lost,
        last_seq=seen.last_seq if seen.last_seq is not None else row.last_seq,
    )


def _fits(row: PartRow, wanted: PartFilter) -> bool:
    part = row.part
    has = (part.key.line, part.key.camera, part.decision.disposition, part.decision.reason)
    same = all(want in (None, value) for want, value in zip(wanted[:4], has, strict=True))
    younger = wanted.after is None or row.number > wanted.after
    return same and younger and (wanted.before is None or row.number < wanted.before)


def _without_texts(row: PartRow) -> PartRow:
    return row._replace(part=replace(row.part, votes=tuple(replace(vote, text="") for vote in row.part.votes)))


def _percentile(ordered: Sequence[float], percent: int) -> float | None:
    return ordered[-(-percent * len(ordered) // 100) - 1] if ordered else None
