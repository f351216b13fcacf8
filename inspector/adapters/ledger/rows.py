"""Converts parts to rows and back without loss."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final

from inspector.domain.decision import Decision, JudgedOutcome, Reason, Verdict
from inspector.domain.declared import Disposition, Severity, ViewName
from inspector.domain.frame import FrameKey
from inspector.domain.heat_map import HeatMap
from inspector.domain.line_state import LineState
from inspector.domain.part import Evidence, PartRecord, PartState, PipelineRef
from inspector.domain.reconciliation import TriggerCount
from inspector.domain.report import NO_WORDS, Box, Finding, Words, WordsState, named_defects
from inspector.domain.review import Review, ReviewBox, ReviewLabel, ReviewMode
from inspector.domain.vote import Opinion, StoppedBy, Vote
from inspector.ports.broker import OutgoingMessage
from inspector.ports.ledger import CameraActivity, Event

REMOVED: Final = "DONE"  # of a picture whose retention has ended
SECOND_OPINION: Final = "patches"  # stored among the votes, as a view that asks the model nothing
Row = dict[str, Any]


def part_row(part: PartRecord) -> Row:
    return {
        "result_id": part.result_id,
        **part.key._asdict(),
        "state": part.state,
        **decision_row(part.decision),
        "pipeline_line": part.pipeline.line,
        "pipeline_version": part.pipeline.version,
        "fingerprint": part.pipeline.fingerprint,
        **_fields(part, "received_at", "decided_at", "latency_ms", "deadline_ms", "late", "part_id", "product", "lot"),
        **_fields(part, "seq", "run", "captured_at", "is_simulated", "p_ng", "agreement", "rungs", "stopped_by"),
        "traceparent": part.traceparent,
        "line_state": part.line_state,
        "would_be_verdict": part.would_be.verdict,
        "would_be_disposition": part.would_be.disposition,
        "vote_count": len(part.votes),
        "evidence": part.evidence and part.evidence.sha256,
        **_fields(part, "received_sha256", "unique_by", "template", "template_sha256"),
        "identity": part.identity.digest,
    }


def decision_row(decision: Decision) -> Row:
    return _fields(decision, "verdict", "disposition", "reason", "detail")


VOTE_FIELDS: Final = ("view", "rung", "p_ng", "p_true", "readable", "tokens", "ms", "text")


def vote_rows(number: int, votes: Sequence[Vote]) -> list[Row]:
    return [{"part": number, "position": position} | _fields(vote, *VOTE_FIELDS) for position, vote in enumerate(votes)]


def opinion_rows(number: int, part: PartRecord) -> list[Row]:
    """Return the second opinion as a row behind the votes; none if the part has no opinion."""
    if part.opinion is None:
        return []
    where = {"part": number, "position": len(part.votes), "view": SECOND_OPINION, "rung": 0, "tokens": 0}
    return [where | _fields(part.opinion, "p_ng", "ms", "text") | {"p_true": None, "readable": None}]


def heat_rows(number: int, part: PartRecord) -> list[Row]:
    """Return the heat map of the part's second opinion; none without a map, or without a picture to lay it over."""
    heat = part.opinion and part.opinion.heat
    if not heat or part.evidence is None:
        return []
    shape = _fields(heat, "rows", "columns", "least", "most")
    return [{"part": number, "box": list(heat.box), "levels": zlib.compress(heat.levels)} | shape]


def heat_of(row: Any) -> HeatMap:
    """Build the heat map from its row."""
    levels = zlib.decompressobj().decompress(row.levels, row.rows * row.columns)
    return HeatMap(row.rows, row.columns, Box(*row.box), row.least, row.most, levels)


def review_row(number: int, review: Review) -> Row:
    """Return the row of a review of the part with this number."""
    marked = [{"bbox_norm": list(box.bbox_norm), "defect": box.defect} for box in review.boxes]
    said = {"part": number, "classes": list(review.classes), "boxes": marked}
    how = _fields(review, "review_id", "label", "reviewer", "at", "mode", "note")
    return said | how | _fields(review, "seconds", "blind", "probability", "supersedes")


def review_of(row: Any) -> Review:
    """Build the review from its row, joined with its part."""
    return Review(
        review_id=row.review_id,
        result_id=row.result_id,
        label=ReviewLabel(row.label) if row.label else None,
        reviewer=row.reviewer,
        at=row.at,
        mode=ReviewMode(row.mode),
        note=row.note,
        classes=tuple(row.classes),
        boxes=tuple(ReviewBox(Box(*box["bbox_norm"]), box["defect"]) for box in row.boxes),
        seconds=row.seconds,
        blind=row.blind,
        probability=row.probability,
        supersedes=row.supersedes,
    )


def words_row(words: Words) -> Row:
    return {
        "words_state": words.state,
        "findings": [asdict(finding) for finding in words.findings],
        "raw": words.raw,
        "words_tokens": words.tokens,
        "words_ms": words.ms,
    }


def defect_rows(number: int, words: Words) -> list[Row]:
    """Return each class that a report names, once."""
    return [{"defect": defect, "part": number} for defect in named_defects(words)]


def outbox_rows(number: int, line: str, outgoing: Iterable[OutgoingMessage]) -> list[Row]:
    return [{"part": number, "line": line, **message._asdict()} for message in outgoing]


def evidence_row(evidence: Evidence) -> Row:
    return _fields(evidence, "sha256", "media_type", "size_bytes", "width_px", "height_px")


def camera_row(sighting: CameraActivity) -> Row:
    seen = {"first_seen": sighting.at, "last_seen": sighting.at}
    counted = _fields(sighting, "frames", "lost", "last_seq", "run", "resent", "retained")
    return seen | counted | _fields(sighting, "line", "camera", "known", "status")


def loss_rows(sighting: CameraActivity) -> list[Row]:
    where = _fields(sighting, "line", "camera")
    return [
        where | {"at": gap.at, "frames": gap.frames, "first_seq": gap.first, "last_seq": gap.last, "run": gap.run}
        for gap in sighting.gaps
    ]


def count_row(count: TriggerCount) -> Row:
    return asdict(count)


def count_of(row: Any) -> TriggerCount:
    return TriggerCount(row.line, row.camera, row.triggers, row.since, row.until, row.at)


def event_row(event: Event) -> Row:
    return asdict(event)


def part_of(row: Any, votes: Iterable[Any]) -> PartRecord:
    """Build the part from its row of `parts`, joined with report and evidence, and its rows of `votes` in order."""
    listed = list(votes)
    opinions = (Opinion(row.p_ng, row.ms, row.text) for row in listed if row.view == SECOND_OPINION)
    return PartRecord(
        result_id=row.result_id,
        key=FrameKey(row.line, row.camera, row.trigger_id),
        decision=Decision(Verdict(row.verdict), Disposition(row.disposition), Reason(row.reason), row.detail),
        pipeline=PipelineRef(row.pipeline_line, row.pipeline_version, row.fingerprint),
        received_at=row.received_at,
        decided_at=row.decided_at,
        latency_ms=row.latency_ms,
        deadline_ms=row.deadline_ms,
        late=row.late,
        line_state=LineState(row.line_state),
        would_be=JudgedOutcome(Verdict(row.would_be_verdict), Disposition(row.would_be_disposition)),
        part_id=row.part_id,
        product=row.product,
        lot=row.lot,
        seq=row.seq,
        run=row.run,
        captured_at=row.captured_at,
        is_simulated=row.is_simulated,
        traceparent=row.traceparent,
        p_ng=row.p_ng,
        agreement=row.agreement,
        votes=tuple(vote_of(vote) for vote in listed if vote.view != SECOND_OPINION),
        opinion=next(opinions, None),
        rungs=row.rungs,
        stopped_by=StoppedBy(row.stopped_by),
        evidence=_evidence(row),
        words=_words(row),
        state=PartState(row.state),
        received_sha256=row.received_sha256,
        unique_by=row.unique_by,
        template=row.template,
        template_sha256=row.template_sha256,
    )


def outgoing_of(row: Any) -> OutgoingMessage:
    return OutgoingMessage(*(getattr(row, field) for field in OutgoingMessage._fields))


def vote_of(row: Any) -> Vote:
    return Vote(ViewName(row.view), row.rung, row.p_ng, row.tokens, row.ms, row.text, row.p_true, row.readable)


def _evidence(row: Any) -> Evidence | None:
    if row.evidence is None:
        return None
    is_removed = row.removal == REMOVED
    return Evidence(row.evidence, row.media_type, row.size_bytes, row.width_px, row.height_px, is_removed)


def _words(row: Any) -> Words:
    if row.words_state is None:
        return NO_WORDS
    findings = tuple(_finding(item) for item in row.findings)
    return Words(WordsState(row.words_state), findings, row.raw, row.words_tokens, row.words_ms)


def _finding(item: Row) -> Finding:
    box = item["bbox_norm"]
    return Finding(item["defect"], Severity(item["severity"]), box and Box(*box), item["description"])


def _fields(value: object, *names: str) -> Row:
    return {name: getattr(value, name) for name in names}
