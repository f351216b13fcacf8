"""Stand-ins at the console's ports, and parts to show. `MemoryArchive.reason` takes the database away."""

from __future__ import annotations

import hashlib
import io
import statistics
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from PIL import Image, ImageDraw

from inspector.decision import Decision, Reason, Verdict
from inspector.errors import LedgerError
from inspector.frame import FrameKey
from inspector.part import Evidence, PartRecord, PartState, PipelineRef
from inspector.pipeline import Disposition, Pipeline, Severity, ViewName
from inspector.ports import CameraRow, Event, PartFilter, PartRow, PipelineVersion, Totals
from inspector.report import Box, Finding, Words, WordsState
from inspector.vote import StoppedBy, Vote

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class MemoryEvidence:
    """Pictures in a dict."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}

    def put(self, data: bytes, media_type: str) -> Evidence:
        sha256 = hashlib.sha256(data).hexdigest()
        self.stored[sha256] = data
        return Evidence(sha256, media_type, len(data))

    def get(self, sha256: str) -> bytes:
        return self.stored[sha256]


class MemoryArchive:
    """Parts in a list. Their numbers start at 1."""

    def __init__(self) -> None:
        self.stored: list[PartRecord] = []
        self.cameras: list[CameraRow] = []
        self.events: list[Event] = []
        self.declared: list[PipelineVersion] = []
        self.outbox = 0
        self.reason: str | None = None

    def add(self, *parts: PartRecord) -> None:
        self.stored.extend(parts)

    def replace(self, part: PartRecord) -> None:
        self.stored = [part if each.result_id == part.result_id else each for each in self.stored]

    def parts(self, wanted: PartFilter, limit: int) -> list[PartRow]:
        rows = [row for row in self._rows() if _matches(row, wanted)]
        return (rows[:limit] if wanted.after is not None else rows[-limit:])[::-1]

    def part(self, result_id: str) -> PartRow | None:
        return next((row for row in self._rows() if row.part.result_id == result_id), None)

    def totals(self, since: datetime) -> Totals:
        parts = [row.part for row in self._rows() if row.part.decided_at >= since]
        latencies = sorted(part.latency_ms for part in parts)
        return Totals(
            parts=dict(Counter((p.key.line, str(p.decision.disposition), str(p.decision.reason)) for p in parts)),
            outbox=self.outbox,
            lost=sum(camera.lost for camera in self.cameras),
            latency_p50_ms=statistics.median(latencies) if latencies else None,
            latency_p99_ms=latencies[int(0.99 * (len(latencies) - 1))] if latencies else None,
            votes_mean=statistics.mean(len(part.votes) for part in parts) if parts else None,
        )

    def list_cameras(self) -> list[CameraRow]:
        self._rows()
        return list(self.cameras)

    def list_events(self, limit: int) -> list[Event]:
        self._rows()
        return self.events[::-1][:limit]

    def list_pipelines(self) -> list[PipelineVersion]:
        self._rows()
        return list(self.declared)

    def _rows(self) -> list[PartRow]:
        if self.reason:
            raise LedgerError(self.reason)
        return [PartRow(number, part) for number, part in enumerate(self.stored, start=1)]


def _matches(row: PartRow, wanted: PartFilter) -> bool:
    part = row.part
    pairs = (
        (wanted.line, part.key.line),
        (wanted.camera, part.key.camera),
        (wanted.disposition, part.decision.disposition),
        (wanted.reason, part.decision.reason),
    )
    newer_than_all = wanted.before is not None and row.number >= wanted.before
    older_than_all = wanted.after is not None and row.number <= wanted.after
    return all(asked in (None, has) for asked, has in pairs) and not newer_than_all and not older_than_all


def a_pipeline(line: str = "pcb", **declared: Any) -> Pipeline:
    return Pipeline.model_validate(
        {
            "line": line,
            "product": f"{line} part",
            "question": "Is there any defect?",
            "defects": {"scratch": "major", "short": "critical"},
            "ladder": [{"views": ["direct"]}],
            **declared,
        }
    )


def a_picture(side: int = 200, kind: str = "JPEG") -> bytes:
    """A green board with a bright scratch."""
    image = Image.new("RGB", (side, side), (24, 92, 60))
    ImageDraw.Draw(image).line((side * 0.3, side * 0.4, side * 0.6, side * 0.55), (240, 240, 230), side // 60 + 1)
    written = io.BytesIO()
    image.save(written, kind)
    return written.getvalue()


def a_part(result_id: str = "r1", line: str = "pcb", camera: str = "cam1", **facts: Any) -> PartRecord:
    """A part that passed on one vote, just now."""
    now = datetime.now(UTC)
    part = PartRecord(
        result_id=result_id,
        key=FrameKey(line, camera, f"t-{result_id}"),
        decision=Decision(Verdict.OK, Disposition.PASS, Reason.NO_DEFECT),
        pipeline=PipelineRef(line, 3, "0123456789abcdef"),
        received_at=now - timedelta(milliseconds=220),
        decided_at=now,
        latency_ms=212.4,
        deadline_ms=1500.0,
        late=False,
        p_ng=0.04,
        agreement=1.0,
        votes=(Vote(ViewName.DIRECT, 0, 0.04, 1, 61.0),),
        rungs=1,
        stopped_by=StoppedBy.SETTLED,
        state=PartState.PUBLISHED,
    )
    return replace(part, **facts)


def a_reject(result_id: str = "r2", **facts: Any) -> PartRecord:
    """A part with a scratch: three votes over two rungs, one of them unreadable."""
    votes = (
        Vote(ViewName.DIRECT, 0, 0.71, 1, 58.0),
        Vote(ViewName.CHECKLIST, 1, 0.97, 2, 90.0, "Is there a scratch on this board"),
        Vote(ViewName.ZOOM, 1, None, 24, 140.0, "I am not sure"),
    )
    found = Finding("scratch", Severity.MAJOR, Box(0.28, 0.37, 0.63, 0.59), "A bright scratch across the board.")
    rejected = {
        "decision": Decision(Verdict.NG, Disposition.REJECT, Reason.DEFECT),
        "p_ng": 0.92,
        "votes": votes,
        "rungs": 2,
        "words": Words(WordsState.WRITTEN, (found,), '{"defect": "scratch"}', 31, 240.0),
    }
    return a_part(result_id, **{**rejected, **facts})
