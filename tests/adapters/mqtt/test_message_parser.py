"""Every message of a device is read as a frame, an answer or a fault, and acknowledged once: nothing ends the line."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import VariableByteIntegers
from support.declarations import names, trigger_ids

from inspector.adapters.mqtt.ack_order import AckOrder
from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.field_reader import MAX_DEADLINE_MS, MAX_TEXT_CHARACTERS
from inspector.adapters.mqtt.intake import Intake
from inspector.adapters.mqtt.message_parser import (
    CameraMessage,
    parse_ack,
    parse_count,
    parse_frame,
)
from inspector.domain.frame import NAME_PATTERN, TRIGGER_ID_PATTERN, Frame
from inspector.domain.picture_format import MAX_PICTURE_BYTES
from inspector.domain.reconciliation import Ack, TriggerCount
from inspector.errors import FrameError
from inspector.messages.asyncapi import PROPERTY_DESCRIPTIONS
from inspector.messages.examples import FRAME_PROPERTIES, INCOMING
from inspector.messages.topics import CHANNELS_IN, FrameTopic, ReplyTopics, Topics
from inspector.utc import utc_now

REPLIES = ReplyTopics(Topics("plant/v1"))
ODD = (
    "", "0", "-1", "1e309", "nan", "٣", "1_000", " 7", "0x10", "true", "TRUE", "\x00", "💥" * 40,
    "9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:59", "2026-02-30T00:00:00Z", "2026-01-31", "12:00",
    "f" * 64, "F" * 64, "a/b", "+", "#", "$SYS",
)  # fmt: skip
texts = st.sampled_from(ODD) | st.text(st.characters(), max_size=200)
properties = st.dictionaries(st.sampled_from(sorted(PROPERTY_DESCRIPTIONS)) | texts, texts, max_size=8)
plain = st.none() | st.booleans() | st.integers() | st.floats() | texts
nested = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))


@st.composite
def altered(draw: st.DrawFn) -> bytes:
    """A good notice or claim check with some of its fields replaced by anything."""
    document = json.loads(INCOMING[draw(st.sampled_from(sorted(INCOMING)))].model_dump_json())
    return json.dumps(document | draw(st.dictionaries(st.sampled_from(sorted(document)), nested))).encode()


payloads = altered() | nested.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=100)
deep = st.sampled_from([b"[" * 50_000, b'{"url":' * 20_000, b'{"seq":' + b"9" * 20_000 + b"}"])
topics = st.builds(
    FrameTopic,
    names | texts,
    names | texts,
    st.sampled_from(["frame", "frame-ref"]),
    st.none() | trigger_ids | texts,
)
messages = st.builds(
    CameraMessage,
    topics,
    payloads | deep,
    properties | st.just(dict(FRAME_PROPERTIES)),
    texts,
    st.none() | st.binary(max_size=200),
    st.none() | texts,
    st.booleans(),
)


def wire_text(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def counted(value: bytes) -> bytes:
    return len(value).to_bytes(2) + value


def is_sound(frame: Frame) -> bool:
    """What the rest of the service may rely on."""
    stored = [text for text in (frame.part_id, frame.product, frame.lot) if text is not None]
    return (
        all(NAME_PATTERN.fullmatch(name) for name in frame.key[:2])
        and TRIGGER_ID_PATTERN.fullmatch(frame.key.trigger_id) is not None
        and all(0 < len(text) <= MAX_TEXT_CHARACTERS or frame.claim for text in stored)
        and (frame.seq is None or 0 <= frame.seq < 10**15)
        and (frame.deadline_ms is None or 0.0 < frame.deadline_ms <= MAX_DEADLINE_MS)
        and (frame.captured_at is None or frame.captured_at.tzinfo is not None)
    )


@settings(deadline=None, max_examples=300)
@given(messages)
def test_any_message_is_a_sound_frame_or_says_what_is_wrong(message: CameraMessage) -> None:
    try:
        frame, notices = parse_frame(message, REPLIES)
    except FrameError:
        assert message.topic.fault, "every message of a camera is a part"
        return
    assert is_sound(frame)
    assert all(len(text) < 400 for _, text in notices)


@settings(deadline=None)
@given(payloads | deep)
def test_any_notice_of_gate_or_plc_is_read_or_refused(payload: bytes) -> None:
    topic = FrameTopic("pcb", "cam1", "ack", None)
    with suppress(FrameError):
        assert parse_ack(topic, payload, utc_now()).ack.at.tzinfo
    with suppress(FrameError):
        count = parse_count(topic, payload, utc_now())
        assert count.since < count.until


# ---------------------------------------------------------------------- the intake, whole


class Desk:
    """ports.MessageReceiver that finishes everything at once."""

    def __init__(self) -> None:
        self.heard: Counter[str] = Counter()

    async def inspect(self, frame: Frame) -> None:
        self.heard["frame"] += 1

    async def answer(self, frame: Frame) -> None:
        self.heard["answered"] += 1

    @property
    def answers_without_pictures(self) -> bool:
        return False

    async def on_ack(self, ack: Ack) -> None:
        self.heard["ack"] += 1

    async def on_count(self, count: TriggerCount) -> None:
        self.heard["count"] += 1

    def declares(self, line: str, camera: str) -> bool:
        return True

    def on_undeclared(self, line: str, frames: int) -> None:
        self.heard["undeclared"] += frames

    def on_status(self, line: str, camera: str, status: str) -> None:
        self.heard["status"] += 1

    def on_retained(self, line: str, camera: str, channel: str) -> None:
        self.heard["retained"] += 1

    def report_fault(self, kind: str, text: str, line: str | None = None, camera: str | None = None) -> None:
        self.heard[kind] += 1


MIDDLE = {"trigger_id": "t-known"}
whole_topics = st.one_of(
    st.builds("plant/v1/{}/{}/{}".format, names, names, st.sampled_from(CHANNELS_IN)),
    st.builds("plant/v1/{}/{}/frame/{}".format, names, names, trigger_ids | texts),
    st.builds("plant/v1/{}/{}/{}".format, texts, texts, st.sampled_from(CHANNELS_IN)),
    st.text(st.characters(), max_size=60),
).map(wire_text) | st.binary(max_size=40)
contents = properties | st.builds(lambda more: more | MIDDLE, properties)
arrivals = st.lists(st.tuples(whole_topics, payloads, contents, st.integers(0, 1)), min_size=1, max_size=12)


def packet(mid: int, topic: bytes, payload: bytes, told: dict[str, str], qos: int) -> tuple[int, bytearray]:
    """A PUBLISH packet as a careless broker forwards it: its header, and what follows the length."""
    pairs = b"".join(b"\x26" + counted(wire_text(name)) + counted(wire_text(value)) for name, value in told.items())
    length = VariableByteIntegers.encode(len(pairs))
    number = mid.to_bytes(2) if qos else b""
    return 0x30 | qos << 1, bytearray(counted(topic) + number + length + pairs + payload)


async def receive(arrived: list[tuple[bytes, bytes, dict[str, str], int]]) -> tuple[list[int], Desk]:
    """What is acknowledged, in order, when these come in over one connection."""
    acknowledged: list[int] = []
    desk = Desk()
    intake = Intake(Broker(), Topics("plant/v1"), "fuzz", desk)
    intake._loop = asyncio.get_running_loop()
    intake._ack_order = AckOrder(acknowledged.append)
    for mid, message in enumerate(arrived, start=1):
        header, body = packet(mid, *message)
        intake._client._in_packet |= {"command": header, "packet": body}
        assert intake._client._packet_handle() == MQTTErrorCode.MQTT_ERR_SUCCESS
    wanted = sum(qos for *_, qos in arrived)
    while intake._tasks or len(acknowledged) < wanted or desk.heard.total() < len(arrived):
        await asyncio.sleep(0)
    return acknowledged, desk


@settings(deadline=None, max_examples=150)
@given(arrivals)
def test_whatever_comes_in_is_acknowledged_once_and_in_order(
    arrived: list[tuple[bytes, bytes, dict[str, str], int]],
) -> None:
    acknowledged, desk = asyncio.run(asyncio.wait_for(receive(arrived), 60))
    assert acknowledged == [mid for mid, (*_, qos) in enumerate(arrived, start=1) if qos]
    assert desk.heard.total() >= len(arrived), "received, or reported"
    frames = [topic for topic, *_ in arrived if is_frame_topic(topic)]
    assert desk.heard["frame"] == len(frames), "each message of a camera is a part"


def is_frame_topic(topic: bytes) -> bool:
    match = re.fullmatch(rb"plant/v1/([^/]+)/([^/]+)/(frame|frame-ref|frame/.*)", topic, re.S)
    return match is not None and all(
        NAME_PATTERN.fullmatch(name.decode(errors="replace")) for name in match.group(1, 2)
    )


@given(st.sampled_from([{}, {"sha256": "0" * 64}, {"trigger_id": "t-1"}]))
@settings(max_examples=3)
def test_a_picture_above_the_limit_is_a_part_without_its_bytes(properties: dict[str, str]) -> None:
    frame, _ = parse_frame(
        CameraMessage(FrameTopic("pcb", "cam1", "frame", None), bytes(MAX_PICTURE_BYTES + 1), properties), REPLIES
    )
    assert frame.payload == b""
    assert "33,554,433 bytes, more than 33,554,432; compress or shrink it" in (frame.fault or "")


def test_a_picture_at_the_limit_is_kept() -> None:
    frame, _ = parse_frame(CameraMessage(FrameTopic("pcb", "cam1", "frame", "t-1"), bytes(MAX_PICTURE_BYTES)), REPLIES)
    assert len(frame.payload) == MAX_PICTURE_BYTES
    assert frame.fault is None
