"""Parses the messages of cameras, gates and PLCs. Input is not trusted: what can't be read is reported, never raised.

One policy for every channel: each message on `frame` and `frame-ref` is a part and gets a record. A detail that can't
be read is left out and reported. A picture that is not proved to be the part's becomes a frame with a `fault`, which is
recorded as BAD_IMAGE. A reply goes only where the camera may have it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, NamedTuple, TypeVar

from inspector.adapters.mqtt.field_reader import (
    MAX_QUOTED_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    FieldReader,
    json_fields,
)
from inspector.domain.declared import Disposition
from inspector.domain.frame import TRACEPARENT_PATTERN, TRIGGER_ID_PATTERN, Claim, Frame, FrameKey
from inspector.domain.picture_format import MAX_PICTURE_BYTES
from inspector.domain.reconciliation import Ack, TriggerCount
from inspector.errors import FrameError
from inspector.messages.topics import FrameTopic, ReplyTopics
from inspector.text import one_line, shortened
from inspector.utc import utc_now

MAX_TRIGGERS: Final = 10**12
MAX_URL_CHARACTERS: Final = 2048
TRACEPARENT_FORM: Final = "a W3C trace context, 00-<32 hex>-<16 hex>-<2 hex>"
RESULT_ID_PATTERN: Final = re.compile(r"[!-~]{1,48}")
RESULT_ID_FORM: Final = "the result_id of a verdict"
TRIGGER_ID_FORM: Final = "1 to 128 of A-Z a-z 0-9 _ . : -"
SHA256_PATTERN: Final = re.compile(r"[0-9a-f]{64}")
DISPOSITIONS: Final = {each.value: each for each in Disposition}
CameraState = Literal["online", "offline"]
CAMERA_STATES: Final[dict[str, CameraState]] = {"online": "online", "offline": "offline"}


Value = TypeVar("Value")


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


class Notice(NamedTuple):
    """A fault of a message, for the line engineer: the kind of event and its text."""

    kind: str
    text: str


class ParsedFrame(NamedTuple):
    """A frame, and the faults of its message."""

    frame: Frame
    notices: tuple[Notice, ...]


class ParsedAck(NamedTuple):
    """A gate's acknowledgement, and the faults of its message."""

    ack: Ack
    notices: tuple[Notice, ...]


def parse_frame(message: CameraMessage, replies: ReplyTopics) -> ParsedFrame:
    """Parse a frame or claim check. Raises FrameError only where line or camera are no names."""
    is_claim = message.topic.channel == "frame-ref"
    fields = FieldReader(message.properties | (json_fields(message.payload) or {} if is_claim else {}))
    trigger = _trigger(message, fields)
    picture = _announced(fields) if is_claim else _sent(message.payload, fields)
    product, template = fields.text("product"), fields.text("template")
    frame = Frame(
        key=FrameKey(message.topic.line, message.topic.camera, trigger.trigger_id),
        payload=picture.payload,
        received_at=message.received_at,
        content_type=(message.content_type or fields.text("content_type") or "")[:MAX_TEXT_CHARACTERS],
        part_id=fields.text("part_id"),
        product=product,
        lot=fields.text("lot"),
        seq=fields.count("seq"),
        captured_at=fields.time("captured_at"),
        deadline_ms=fields.deadline("deadline_ms"),
        is_simulated=fields.flag("is_simulated"),
        traceparent=fields.matching("traceparent", TRACEPARENT_PATTERN, TRACEPARENT_FORM),
        template=template,
        response_topic=_allowed_reply(message, replies),
        correlation=message.correlation,
        redelivered=message.redelivered,
        fault=trigger.fault or picture.fault or _product_fault(product, fields) or _template_fault(template, fields),
        claim=picture.claim,
        labels=fields.labels(),
        mqtt_version="5" if message.properties or message.content_type or message.correlation else "3.1.1",
    )
    return ParsedFrame(frame, tuple(_notices(message, fields, replies)))


def parse_ack(topic: FrameTopic, payload: bytes, now: datetime) -> ParsedAck:
    """Parse a gate's acknowledgement. Without a readable time it counts from receipt.

    Raises FrameError where it names no part, or without a disposition: such a message acknowledges nothing.
    """
    fields = _document(payload)
    result_id = fields.matching("result_id", RESULT_ID_PATTERN, RESULT_ID_FORM)
    trigger_id = fields.matching("trigger_id", TRIGGER_ID_PATTERN, TRIGGER_ID_FORM)
    if result_id is None:
        _required(fields, "trigger_id", trigger_id)
    disposition = _required(fields, "disposition", fields.choice("disposition", DISPOSITIONS))
    key = FrameKey(topic.line, topic.camera, trigger_id or "")
    ack = Ack(key, disposition, fields.time("at") or now, result_id)
    return ParsedAck(ack, tuple(Notice("BAD_PROPERTY", f"ack: {fault}") for fault in fields.faults))


def parse_count(topic: FrameTopic, payload: bytes, now: datetime) -> TriggerCount:
    """Parse a PLC's count. Raises FrameError: a count without its number or its time says nothing."""
    fields = _document(payload)
    triggers = _required(fields, "triggers", fields.count("triggers"))
    since = _required(fields, "since", fields.time("since"))
    until = _required(fields, "until", fields.time("until"))
    if until <= since:
        raise FrameError("until: is not later than since; send the end of the period")
    if triggers >= MAX_TRIGGERS:
        raise FrameError(f"triggers: {triggers} is out of range; expected less than {MAX_TRIGGERS}")
    return TriggerCount(topic.line, topic.camera, triggers, since, until, now)


def parse_status(payload: bytes) -> CameraState:
    """Parse a camera's status. Raises FrameError."""
    fields = _document(payload)
    return _required(fields, "state", fields.choice("state", CAMERA_STATES))


def _document(payload: bytes) -> FieldReader:
    values = json_fields(payload)
    if values is None:
        raise FrameError("payload: is no JSON object")
    return FieldReader(values)


def _required(fields: FieldReader, name: str, value: Value | None) -> Value:
    """Return the value. Raises FrameError where it is missing or was left out."""
    if value is None:
        raise FrameError(f"{name}: {'; '.join(fields.faults) or 'is missing'}")
    return value


def _notices(message: CameraMessage, fields: FieldReader, replies: ReplyTopics) -> Iterator[Notice]:
    """Yield what the line engineer should correct."""
    channel, trigger_id = message.topic.channel, message.topic.trigger_id
    if channel == "frame-ref" and json_fields(message.payload) is None:
        yield Notice("UNREADABLE_FRAME", "frame-ref: the payload is no JSON object; the part gets the fail-safe")
    if trigger_id is not None and not TRIGGER_ID_PATTERN.fullmatch(trigger_id):
        yield Notice("TOPIC_INVALID", f"{channel}/{_shown(trigger_id)}: expected one level, {TRIGGER_ID_FORM}")
    for fault in fields.faults:
        yield Notice("BAD_PROPERTY", fault if channel == "frame" else f"{channel}: {fault}")
    if message.response_topic and _allowed_reply(message, replies) is None:
        yield Notice("REPLY_REFUSED", _refusal(message, replies))


# ---------------------------------------------------------------------- where the reply goes


def _allowed_reply(message: CameraMessage, replies: ReplyTopics) -> str | None:
    """Return the topic for a copy of the verdict, if this camera may name it."""
    topic = message.response_topic
    return topic if topic and replies.allows(message.topic.line, message.topic.camera, topic) else None


def _refusal(message: CameraMessage, replies: ReplyTopics) -> str:
    own = replies.own(message.topic.line, message.topic.camera)
    return (
        f"Response-Topic {_shown(message.response_topic or '')} is not used, and the verdict goes to the verdict topic "
        f"only; use a topic below {own}/, or allow its root in INSPECTOR_REPLY_ROOTS"
    )


# ---------------------------------------------------------------------- which part


class TriggerName(NamedTuple):
    """The trigger_id of a message. `fault` says why it may name another part."""

    trigger_id: str
    fault: str | None = None


def _trigger(message: CameraMessage, fields: FieldReader) -> TriggerName:
    """Return the trigger_id from the topic, the fields or the correlation data, in this order.

    A message without one gets an id from its bytes, which a redelivery shares.
    """
    in_topic, in_fields = (
        _topic_trigger(message.topic),
        fields.matching("trigger_id", TRIGGER_ID_PATTERN, TRIGGER_ID_FORM),
    )
    if in_topic and in_fields and in_topic != in_fields:
        fault = f"trigger_id is {in_topic} in the topic and {in_fields} in the message: nobody knows which part it is"
        return TriggerName(in_topic, fault)
    known = in_topic or in_fields or _correlated(message)
    return TriggerName(known) if known else _named_by_bytes(message, fields)


def _topic_trigger(topic: FrameTopic) -> str | None:
    is_sound = topic.trigger_id is not None and TRIGGER_ID_PATTERN.fullmatch(topic.trigger_id)
    return topic.trigger_id if is_sound else None


def _correlated(message: CameraMessage) -> str | None:
    """Return the correlation data where it is a trigger_id. It may be a token of the device's own."""
    correlation = (message.correlation or b"").decode("ascii", "replace")
    return correlation if TRIGGER_ID_PATTERN.fullmatch(correlation) else None


def _named_by_bytes(message: CameraMessage, fields: FieldReader) -> TriggerName:
    declared = (fields.given("sha256") or "").lower() if message.topic.channel == "frame-ref" else ""
    digest = declared if SHA256_PATTERN.fullmatch(declared) else hashlib.sha256(message.payload).hexdigest()
    trigger_id = f"sha256-{digest[:16]}"
    fields.faults.append(f"frame without trigger_id, known as {trigger_id}; the gate needs a trigger_id to match it")
    return TriggerName(trigger_id)


# ---------------------------------------------------------------------- which picture


class PictureSource(NamedTuple):
    """A picture that came with the message, or where a claim check's picture is. `fault`: it must not be judged."""

    payload: bytes = b""
    claim: Claim | None = None
    fault: str | None = None


def _sent(payload: bytes, fields: FieldReader) -> PictureSource:
    """Return the picture, unless it is too large: then neither memory nor the evidence store keeps it."""
    if len(payload) > MAX_PICTURE_BYTES:
        size = f"the picture has {len(payload):,} bytes, more than {MAX_PICTURE_BYTES:,}"
        return PictureSource(fault=f"{size}; compress or shrink it")
    declared = fields.given("sha256")
    if declared is None or hashlib.sha256(payload).hexdigest() == declared.lower():
        return PictureSource(payload)
    return PictureSource(
        payload, fault=f"sha256 differs from the declared {_shown(declared)}: the picture changed on its way"
    )


def _announced(fields: FieldReader) -> PictureSource:
    """Return where the picture is fetched. A hash that can't be read proves nothing; without one any picture counts."""
    url, declared = fields.text("url", MAX_URL_CHARACTERS), (fields.given("sha256") or "").lower()
    if url is None:
        return PictureSource(fault="frame-ref without a readable url: there is no picture to fetch")
    if declared and not SHA256_PATTERN.fullmatch(declared):
        return PictureSource(fault=f"sha256 {_shown(declared)} is not 64 hex digits: the picture can't be verified")
    return PictureSource(claim=Claim(url, declared))


def _product_fault(product: str | None, fields: FieldReader) -> str | None:
    """Return why the part may be of another product than its line's: its name can't be read."""
    given = fields.given("product")
    return f"product {_shown(given)} can't be read: it may be another line's" if given and product is None else None


def _template_fault(template: str | None, fields: FieldReader) -> str | None:
    """Return why the part can't be compared as its sender wants: the template's name can't be read."""
    given = fields.given("template")
    return f"template {_shown(given)} can't be read: it is not stored" if given and template is None else None


def _shown(text: str) -> str:
    return repr(one_line(shortened(text, MAX_QUOTED_CHARACTERS)))
