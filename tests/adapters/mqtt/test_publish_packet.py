"""Any PUBLISH packet of any broker is read by paho, with printable text, or refused by a defined error."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt._packet import decode_publish
from paho.mqtt.client import MQTTv5, MQTTv311

from inspector.adapters.mqtt.publish_packet import (
    MAX_PROPERTIES,
    MAX_PROPERTY_BYTES,
    PacketError,
    make_printable,
    topic_and_mid,
)

QOS_1 = 0x32
PAYLOAD = b"\xff\xd8 a picture \x00"


def counted(value: bytes) -> bytes:
    return len(value).to_bytes(2) + value


def packet(topic: bytes, properties: bytes = b"", payload: bytes = PAYLOAD) -> bytearray:
    assert len(properties) < 128
    return bytearray(counted(topic) + b"\x00\x07" + bytes((len(properties),)) + properties + payload)


def user(name: bytes, value: bytes) -> bytes:
    return b"\x26" + counted(name) + counted(value)


raw_text = st.binary(max_size=40) | st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass"))
known_properties = st.one_of(
    st.builds(user, raw_text, raw_text),
    raw_text.map(lambda text: b"\x03" + counted(text)),
    raw_text.map(lambda text: b"\x08" + counted(text)),
    st.binary(max_size=20).map(lambda data: b"\x09" + counted(data)),
    st.binary(min_size=4, max_size=4).map(lambda data: b"\x02" + data),
    st.sampled_from(
        [b"\x01\x01", b"\x01\x09", b"\x01\x01\x01\x01", b"\x23\x00\x05", b"\x0b\x81\x01", b"\x7f", b"\x26\xff\xff"]
    ),
)


def read(header: int, received: bytearray, protocol: int = MQTTv5) -> Any:
    make_printable(header, received, has_properties=protocol == MQTTv5)
    return decode_publish(header, received, protocol)


@given(raw_text, st.lists(known_properties, max_size=2), st.binary(max_size=30))
def test_topic_and_properties_become_printable_and_the_payload_stays(
    topic: bytes, properties: list[bytes], payload: bytes
) -> None:
    block = b"".join(properties)[:127]
    read_packet = read(QOS_1, packet(topic, block, payload))
    assert read_packet.topic.decode().isprintable()
    assert (read_packet.mid, bytes(read_packet.payload)) == (7, payload)
    texts = [each for pair in getattr(read_packet.properties, "UserProperty", ()) for each in pair]
    assert all(text.isprintable() for text in texts)


@given(st.binary(max_size=200), st.sampled_from([0x30, 0x32, 0x3B, 0x34]), st.booleans())
def test_any_bytes_are_read_or_refused_by_one_error(received: bytes, header: int, is_v5: bool) -> None:
    with contextlib.suppress(PacketError):
        make_printable(header, changed := bytearray(received), has_properties=is_v5)
        assert len(changed) >= 2


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        (b"SN-\xe4\xb8\xad", "SN-中"),
        (b"\xef\xbb\xbft-1", "\N{REPLACEMENT CHARACTER}t-1"),  # U+FEFF, which paho refuses
        (b"t\x001", "t\N{REPLACEMENT CHARACTER}1"),
        (b"\xff\xfe", "\N{REPLACEMENT CHARACTER}" * 2),
        ("\N{RIGHT-TO-LEFT OVERRIDE}SSAP".encode(), "\N{REPLACEMENT CHARACTER}SSAP"),
    ],
)
def test_text_that_paho_or_a_terminal_would_not_bear(value: bytes, becomes: str) -> None:
    properties = read(QOS_1, packet(b"pcb/cam1/frame", user(b"lot", value))).properties
    assert properties.UserProperty == [("lot", becomes)]


def test_properties_before_an_unreadable_one_are_kept() -> None:
    properties = read(QOS_1, packet(b"t", user(b"trigger_id", b"t-1") + b"\x7f" + user(b"lot", b"L"))).properties
    assert properties.UserProperty == [("trigger_id", "t-1")]


def test_a_property_that_may_occur_once_is_taken_from_its_last_occurrence() -> None:
    twice = b"\x03" + counted(b"image/png") + b"\x03" + counted(b"image/jpeg")
    assert read(QOS_1, packet(b"t", twice)).properties.ContentType == "image/jpeg"


def test_a_topic_of_an_old_device_needs_no_properties() -> None:
    received = bytearray(counted(b"pcb/\xff/frame") + b"\x00\x07" + PAYLOAD)
    read_packet = read(QOS_1, received, MQTTv311)
    assert read_packet.topic.decode() == "pcb/\N{REPLACEMENT CHARACTER}/frame"
    assert bytes(read_packet.payload) == PAYLOAD


def test_a_sound_packet_is_not_copied() -> None:
    received = packet(b"pcb/cam1/frame", user(b"trigger_id", b"t-1"))
    before = bytes(received)
    make_printable(QOS_1, received, has_properties=True)
    assert received == before


def test_topic_and_id_are_read_alone() -> None:
    assert topic_and_mid(QOS_1, packet(b"plant/v1/pcb/cam\xff/frame")) == ("plant/v1/pcb/cam\ufffd/frame", 7)
    assert topic_and_mid(0x30, packet(b"a/b")) == ("a/b", 0)
    with pytest.raises(PacketError):
        topic_and_mid(QOS_1, bytearray(b"\x00\x09abc"))


def long_packet(properties: bytes) -> bytearray:
    length = bytes(0x80 | each for each in (len(properties) & 0x7F, len(properties) >> 7 & 0x7F))
    return bytearray(counted(b"a/b") + b"\x00\x07" + length + bytes((len(properties) >> 14,)) + properties + PAYLOAD)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("size", [1, 1_000])
def test_any_number_of_properties_costs_a_bounded_time(size: int) -> None:
    count = 100_000 // size
    data = long_packet(b"".join(user(b"k%d" % number, b"v" * size) for number in range(count)))
    make_printable(QOS_1, data, has_properties=True)
    message = decode_publish(QOS_1, data, MQTTv5)
    kept = message.properties.UserProperty
    assert kept[0] == ("k0", "v" * size)
    assert len(kept) <= min(MAX_PROPERTIES, MAX_PROPERTY_BYTES // size)
    assert message.payload == PAYLOAD
