"""Rewrites a PUBLISH packet so that paho can read it, and its topic and properties are printable text. Pure.

Brokers forward what paho refuses: a topic that is not UTF-8 (any broker, from MQTT 3.1.1 devices), U+FEFF in a property
(allowed by MQTT 5). paho then raises, and the exception ends its thread, again at each redelivery.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from inspector.text import one_line

PAYLOAD_FORMAT, EXPIRY, CONTENT_TYPE, RESPONSE_TOPIC, CORRELATION = 0x01, 0x02, 0x03, 0x08, 0x09
SUBSCRIPTION, ALIAS, USER_PROPERTY = 0x0B, 0x23, 0x26
FIXED_BYTES: Final = {PAYLOAD_FORMAT: 1, EXPIRY: 4, ALIAS: 2}
TEXTS: Final = {CONTENT_TYPE: 1, RESPONSE_TOPIC: 1, USER_PROPERTY: 2}  # strings per property
USED: Final = frozenset({CONTENT_TYPE, RESPONSE_TOPIC, CORRELATION, USER_PROPERTY})
MAX_PROPERTIES: Final = 128  # of one message; paho's time for them grows with their square
MAX_PROPERTY_BYTES: Final = 64 * 1024  # of one message, all together
MAX_TEXT_BYTES: Final = 0xFFFF
MAX_VARINT_BYTES: Final = 4
QOS_BITS: Final = 0x06


class PacketError(ValueError):
    """The packet ends before what its lengths announce, or names a property that PUBLISH does not have."""


class Property(NamedTuple):
    """One property: its identifier, and its value as on the wire."""

    identifier: int
    value: bytes


def make_printable(header: int, packet: bytearray, *, has_properties: bool) -> None:
    """Make topic and properties of a PUBLISH packet printable, in place; the payload is not copied.

    Only the properties in use are kept. Dropped are those behind one that can't be read, and beyond MAX_PROPERTIES
    and MAX_PROPERTY_BYTES. Raises PacketError for a packet without topic or message id.
    """
    reader = PacketReader(packet)
    head = [_text(reader.text())]
    if header & QOS_BITS:
        head.append(reader.take(2))
    if has_properties:
        block = PacketReader(reader.take(reader.varint())[:MAX_PROPERTY_BYTES])
        properties = b"".join(bytes((each.identifier,)) + each.value for each in _read_properties(block))
        head += [_varint(len(properties)), properties]
    written = b"".join(head)
    if packet[: reader.position] != written:
        packet[: reader.position] = written


def topic_and_mid(header: int, packet: bytearray) -> tuple[str, int]:
    """Return topic and message id of a PUBLISH packet, the id 0 with QoS 0. Raises PacketError for one without them."""
    reader = PacketReader(packet)
    topic = one_line(reader.text().decode("utf-8", "replace"))
    return topic, int.from_bytes(reader.take(2)) if header & QOS_BITS else 0


class PacketReader:
    """Reads a packet from its start. Every method raises PacketError at its end."""

    def __init__(self, packet: bytes | bytearray) -> None:
        self._packet = packet
        self.position = 0

    @property
    def is_at_end(self) -> bool:
        return self.position >= len(self._packet)

    def take(self, count: int) -> bytes:
        if count > len(self._packet) - self.position:
            raise PacketError("the packet is shorter than it announces")
        self.position += count
        return bytes(self._packet[self.position - count : self.position])

    def text(self) -> bytes:
        return self.take(int.from_bytes(self.take(2)))

    def varint(self) -> int:
        value = 0
        for position in range(MAX_VARINT_BYTES):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << (7 * position)
            if byte < 0x80:
                return value
        raise PacketError("a length has more than four bytes")

    def property(self) -> Property:
        identifier = self.varint()
        if identifier in TEXTS:
            return Property(identifier, b"".join(_text(self.text()) for _ in range(TEXTS[identifier])))
        if identifier in FIXED_BYTES:
            return Property(identifier, self.take(FIXED_BYTES[identifier]))
        if identifier == CORRELATION:
            return Property(identifier, _counted(self.text()))
        if identifier == SUBSCRIPTION:
            return Property(identifier, _varint(self.varint()))
        raise PacketError(f"PUBLISH has no property {identifier:#x}")


def _read_properties(block: PacketReader) -> list[Property]:
    """Return the properties in use, up to the first unreadable one; the last of those that may occur once counts."""
    kept: dict[tuple[int, int], Property] = {}
    try:
        for _ in range(MAX_PROPERTIES):
            if block.is_at_end:
                break
            each = block.property()
            if each.identifier in USED:
                number = len(kept) if each.identifier == USER_PROPERTY else 0
                kept[each.identifier, number] = each
    except PacketError:
        pass
    return list(kept.values())


def _text(value: bytes) -> bytes:
    """Return a string as on the wire, printable. One that grew too long for its length is cut."""
    written = one_line(value.decode("utf-8", "replace")).encode()
    return _counted(written[:MAX_TEXT_BYTES].decode("utf-8", "ignore").encode())


def _counted(value: bytes) -> bytes:
    return len(value).to_bytes(2) + value


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*written, value))
