"""One example of every payload on the wire, built as the service builds them. Pure."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final

from inspector.domain.decision import Decision, JudgedOutcome, Reason, Verdict
from inspector.domain.declared import Disposition, Severity, ViewName
from inspector.domain.frame import FrameKey
from inspector.domain.line_state import LineState
from inspector.domain.part import Evidence, PartRecord, PartState, PipelineRef
from inspector.domain.report import Box, Finding, Words, WordsState
from inspector.domain.vote import Opinion, StoppedBy, Vote
from inspector.messages.incoming import CameraStatus, FrameRef, GateAck, Incoming, PlcCount
from inspector.messages.outgoing import (
    EventMessage,
    Heartbeat,
    PartStateMessage,
    Payload,
    ReviewMessage,
    ServiceState,
    report_message,
    verdict_message,
)

CAPTURED_AT: Final = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)
DECIDED_AT: Final = CAPTURED_AT + timedelta(milliseconds=640)
TRACEPARENT: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SHA256: Final = hashlib.sha256(b"the picture's bytes").hexdigest()
NG_PART: Final = PartRecord(
    result_id="5f0c6a3e9b1d4c7f8a2b3c4d5e6f7a8b",
    key=FrameKey("pcb", "cam1", "st3-48211"),
    decision=Decision(Verdict.NG, Disposition.REJECT, Reason.DEFECT),
    pipeline=PipelineRef("pcb", 12, "0123456789abcdef"),
    received_at=CAPTURED_AT + timedelta(milliseconds=28),
    decided_at=DECIDED_AT,
    latency_ms=612.0,
    deadline_ms=1500.0,
    late=False,
    line_state=LineState.LIVE,
    would_be=JudgedOutcome(Verdict.NG, Disposition.REJECT),
    part_id="SN0001",
    product="mainboard-7",
    lot="L2026-05",
    seq=48211,
    captured_at=CAPTURED_AT,
    traceparent=TRACEPARENT,
    p_ng=0.955,
    agreement=1.0,
    votes=(Vote(ViewName.DIRECT, 0, 0.93, 1, 180.0), Vote(ViewName.CHECKLIST, 1, 0.97, 6, 210.5, "Is there a short")),
    opinion=Opinion(0.68, 4.2, "2.1 times as far as is usual, most at x 42-47 %, y 10-15 %"),
    rungs=2,
    stopped_by=StoppedBy.SETTLED,
    evidence=Evidence(SHA256, "image/jpeg", 100_722, 640, 640),
    words=Words(
        WordsState.WRITTEN,
        (Finding("short", Severity.CRITICAL, Box(0.42, 0.1, 0.47, 0.16), "Two traces are bridged near the left pad."),),
    ),
)
OUTGOING: Final[dict[str, Payload]] = {
    "verdict": verdict_message(NG_PART),
    "report": report_message(NG_PART),
    "event": EventMessage(
        event_id="1e9b7a52c0f34d3a9c3c2a8f0d6e5b41",
        line="pcb",
        camera="cam1",
        kind="SEQUENCE_GAP",
        severity="ALARM",
        text="3 frames did not arrive; check the broker's queue limits",
        count=3,
        at=DECIDED_AT,
    ),
    "review": ReviewMessage(
        review_id="0d9b2a6e4c8f41b7a1c3e5d7f9b0a2c4",
        result_id=NG_PART.result_id,
        trigger_id="st3-48211",
        part_id="SN0001",
        verdict=Verdict.OK,
        disposition=Disposition.PASS,
        reviewer="ann",
        at=DECIDED_AT + timedelta(minutes=2),
    ),
    "part": PartStateMessage(
        state=PartState.PUBLISHED,
        line="pcb",
        camera="cam1",
        trigger_id="st3-48211",
        result_id=NG_PART.result_id,
        seq=48211,
        at=DECIDED_AT,
    ),
    "state": ServiceState(state="ONLINE", station=0, at=CAPTURED_AT),
    "heartbeat": Heartbeat(station=0, count=86_400, in_flight=2, outbox=0, at=CAPTURED_AT),
}
INCOMING: Final[dict[str, Incoming]] = {
    "frame-ref": FrameRef(
        url="file:///srv/frames/st3-48211.tiff",
        sha256=SHA256,
        content_type="image/tiff",
        trigger_id="st3-48211",
        part_id="SN0001",
        seq=48211,
        captured_at=CAPTURED_AT,
        deadline_ms=1500.0,
    ),
    "status": CameraStatus(state="online", at=CAPTURED_AT),
    "ack": GateAck(trigger_id="st3-48211", disposition=Disposition.REJECT, at=DECIDED_AT),
    "count": PlcCount(triggers=1200, since=CAPTURED_AT - timedelta(minutes=10), until=CAPTURED_AT),
}
FRAME_PROPERTIES: Final[dict[str, str]] = {
    "trigger_id": "st3-48211",
    "part_id": "SN0001",
    "product": "mainboard-7",
    "lot": "L2026-05",
    "seq": "48211",
    "captured_at": "2026-01-31T12:00:00.123Z",
    "deadline_ms": "1500",
    "sha256": SHA256,
    "is_simulated": "false",
    "traceparent": TRACEPARENT,
    "template": "board7_top.png",
}
