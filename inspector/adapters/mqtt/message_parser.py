"""Parses camera messages into frames. Input is not trusted: unreadable parts are reported, never raised.

A part whose key is known is never dropped. A message with a bad property is judged without that property. A picture
that must not be judged becomes a frame with a `fault`, which is recorded as BAD_IMAGE.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from inspector.domain.frame import TRACEPARENT_PATTERN, TRIGGER_ID_PATTERN, Claim, Frame, FrameKey
from inspector.domain.reconciliation import Ack, TriggerCount
from inspector.errors import FrameError
from inspector.messages.incoming import FrameRef, GateAck, PlcCount, utc
from inspector.messages.topics import FrameTopic
from inspector.utc import utc_now

MAX_TEXT_CHARACTERS: Final = 128
MAX_DEADLINE_MS: Final = 600_000.0


@dataclass(slots=True)
class CameraMessage:
    """A camera's message as received. `properties` are MQTT 5 user properties."""

    topic: FrameTopic
    payload: bytes
    properties: dict[str, str] = field(default_factory=dict)
    content_type: str = ""
    correlation: bytes | None = None
    response_topic: str | None = None
    redelivered: bool = False
    received_at: datetime = field(default_factory=utc_now)


@dataclass(slots=True)
class ParsedFrame:
    """A frame, and the faults of its message in words for the line engineer."""

    frame: Frame
    complaints: list[str]


def parse_frame(message: CameraMessage) -> ParsedFrame:
    """Parse a frame or claim check. Raises FrameError if the part's key can't be read."""
    return _read_claim(message) if message.topic.channel == "frame-ref" else _read_frame(message)


def parse_ack(topic: FrameTopic, payload: bytes, now: datetime) -> Ack:
    """Parse a gate's acknowledgement. Raises ValidationError. Without a time it counts from receipt."""
    parsed = GateAck.model_validate_json(payload)
    return Ack(FrameKey(topic.line, topic.camera, parsed.trigger_id), parsed.disposition, parsed.at or now)


def parse_count(topic: FrameTopic, payload: bytes, now: datetime) -> TriggerCount:
    """Parse a PLC's count. Raises ValidationError."""
    parsed = PlcCount.model_validate_json(payload)
    return TriggerCount(topic.line, topic.camera, parsed.triggers, parsed.since, parsed.until, now)


def _read_frame(message: CameraMessage) -> ParsedFrame:
    fields = PropertyReader(message.properties)
    trigger_id = _trigger_id(message, fields)
    declared = fields.text("sha256")
    frame = Frame(
        key=FrameKey(message.topic.line, message.topic.camera, trigger_id),
        payload=message.payload,
        received_at=message.received_at,
        content_type=message.content_type[:MAX_TEXT_CHARACTERS],
        part_id=fields.text("part_id"),
        product=fields.text("product"),
        lot=fields.text("lot"),
        seq=fields.count("seq"),
        captured_at=fields.time("captured_at"),
        deadline_ms=fields.deadline("deadline_ms"),
        is_simulated=fields.flag("is_simulated"),
        traceparent=fields.traceparent("traceparent"),
        response_topic=_response_topic(message, fields),
        correlation=message.correlation,
        redelivered=message.redelivered,
        fault=_hash_fault(message.payload, declared),
    )
    return ParsedFrame(frame, fields.complaints)


def _read_claim(message: CameraMessage) -> ParsedFrame:
    """Parse a claim check. Its picture is fetched later."""
    try:
        ref = FrameRef.model_validate_json(message.payload)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "payload"
        raise FrameError(f"frame-ref: {where}: {first['msg']}") from error
    fields = PropertyReader(message.properties)
    frame = Frame(
        key=FrameKey(message.topic.line, message.topic.camera, ref.trigger_id or f"sha256-{ref.sha256[:16]}"),
        payload=b"",
        received_at=message.received_at,
        content_type=ref.content_type,
        part_id=ref.part_id,
        product=ref.product,
        lot=ref.lot,
        seq=ref.seq,
        captured_at=ref.captured_at,
        deadline_ms=ref.deadline_ms,
        is_simulated=ref.is_simulated,
        traceparent=ref.traceparent,
        response_topic=_response_topic(message, fields),
        correlation=message.correlation,
        redelivered=message.redelivered,
        claim=Claim(ref.url, ref.sha256),
    )
    return ParsedFrame(frame, fields.complaints)


def _trigger_id(message: CameraMessage, fields: PropertyReader) -> str:
    """Return the trigger id from the topic, the property or the correlation data, in this order.

    A frame without one gets an id from its bytes, which a redelivery shares.
    """
    correlation = (message.correlation or b"").decode("ascii", "replace")
    for given in (message.topic.trigger_id, message.properties.get("trigger_id"), correlation):
        if given:
            if TRIGGER_ID_PATTERN.fullmatch(given):
                return given
            fields.report_fault("trigger_id", given, "1 to 128 of A-Z a-z 0-9 _ . : -")
    digest = hashlib.sha256(message.payload).hexdigest()[:16]
    fields.complaints.append(
        f"frame without trigger_id, known as sha256-{digest}; the gate needs a trigger_id to match it"
    )
    return f"sha256-{digest}"


def _response_topic(message: CameraMessage, fields: PropertyReader) -> str | None:
    """Return the topic for a reply: no wildcards, no topic of the broker's own."""
    topic = message.response_topic
    if not topic:
        return None
    if topic.startswith("$") or any(sign in topic for sign in "+#\0") or len(topic) > 1024:
        fields.report_fault("response topic", topic, "a topic without wildcards")
        return None
    return topic


def _hash_fault(payload: bytes, declared: str | None) -> str | None:
    if declared is None or hashlib.sha256(payload).hexdigest() == declared.lower():
        return None
    return f"sha256 differs from the declared {declared[:12]}…: the picture changed on its way"


class PropertyReader:
    """Reads user properties one by one. Unreadable ones are left out and reported."""

    def __init__(self, properties: dict[str, str]) -> None:
        self._properties = properties
        self.complaints: list[str] = []

    def report_fault(self, name: str, value: str, wanted: str) -> None:
        self.complaints.append(f"{name} {value[:60]!r} is ignored; expected {wanted}")

    def text(self, name: str) -> str | None:
        value = self._properties.get(name)
        if value is not None and (len(value) > MAX_TEXT_CHARACTERS or not value.isprintable()):
            self.report_fault(name, value, f"at most {MAX_TEXT_CHARACTERS} printable characters")
            return None
        return value or None

    def traceparent(self, name: str) -> str | None:
        value = self._properties.get(name)
        if value is None or TRACEPARENT_PATTERN.fullmatch(value):
            return value
        self.report_fault(name, value, "a W3C trace context, 00-<32 hex>-<16 hex>-<2 hex>")
        return None

    def count(self, name: str) -> int | None:
        value = self._properties.get(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) <= 15):
            self.report_fault(name, value, "a whole number from 0")
            return None
        return int(value)

    def deadline(self, name: str) -> float | None:
        value = self._properties.get(name)
        if value is None:
            return None
        try:
            deadline_ms = float(value)
        except ValueError:
            deadline_ms = -1.0
        if 0.0 < deadline_ms <= MAX_DEADLINE_MS:
            return deadline_ms
        self.report_fault(name, value, f"milliseconds, above 0 up to {MAX_DEADLINE_MS:g}")
        return None

    def time(self, name: str) -> datetime | None:
        value = self._properties.get(name)
        if value is None:
            return None
        try:
            parsed = datetime.fromisoformat(value)
            if parsed.tzinfo is not None:
                return utc(parsed)
        except ValueError:
            pass
        self.report_fault(name, value, "an RFC 3339 time with its zone, such as 2026-01-31T12:00:00.123Z")
        return None

    def flag(self, name: str) -> bool:
        return self._properties.get(name, "").lower() in ("1", "true")
