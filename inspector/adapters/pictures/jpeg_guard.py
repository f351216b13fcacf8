"""A guard row below a JPEG: it makes libjpeg say exactly how many bytes of its entropy-coded data are left over.

Damage often shifts the decoder by a few blocks without an invalid code. The only sign is that bytes remain at the end,
and libjpeg reads up to eight bytes ahead without reporting them. At a restart it counts them. The guarded stream is
therefore one row of blocks higher, and a restart marker stands before the guard row.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Final, NamedTuple

from inspector.adapters.pictures.jpeg_structure import DHT, DRI, SOS, JpegSegment, JpegStructure

SEQUENTIAL: Final = (0xC0, 0xC1)
FIRST_RESTART: Final = b"\xff\xd0"
MAX_RESTART_INTERVAL: Final = 65_535
MAX_HEIGHT_PX: Final = 65_500  # libjpeg's limit
BLOCK_PX: Final = 8
CODE_LENGTHS: Final = 16
END_OF_BLOCK: Final = 0  # the AC symbol; the DC symbol 0 means no change


class Component(NamedTuple):
    """A colour component of the frame: blocks per MCU across and down."""

    across: int
    down: int


def guarded(structure: JpegStructure) -> JpegStructure | None:
    """Return the picture with a guard row, or None where it can't have one.

    Only baseline pictures of one scan without restarts have it. Progressive scans are short, and libjpeg checks their
    codes more strictly; restart intervals show their leftovers themselves.
    """
    frame, scans = structure.frame, structure.scans
    if frame.marker not in SEQUENTIAL or len(scans) != 1 or any(each.marker == DRI for each in structure.segments):
        return None
    height, width = struct.unpack_from(">HH", frame.parameters, 1)
    components = _components(frame)
    if len(components) == 1:
        components = {component: Component(1, 1) for component in components}
    mcu_width = BLOCK_PX * max(each.across for each in components.values())
    mcu_height = BLOCK_PX * max(each.down for each in components.values())
    columns, rows = -(-width // mcu_width), -(-height // mcu_height)
    blocks = _mcu_bits(structure, components)
    guarded_height = rows * mcu_height + 1
    if blocks is None or columns * rows > MAX_RESTART_INTERVAL or guarded_height > MAX_HEIGHT_PX:
        return None
    guard = FIRST_RESTART + _stuffed(blocks * columns)
    segments = [_guarded_segment(each, guarded_height, guard) for each in structure.segments]
    place = next(number for number, each in enumerate(segments) if each.marker == SOS)
    segments.insert(place, JpegSegment(DRI, struct.pack(">H", columns * rows)))
    return replace(structure, segments=segments)


def _guarded_segment(segment: JpegSegment, height: int, guard: bytes) -> JpegSegment:
    if segment.marker == SOS:
        return segment._replace(entropy=segment.entropy + guard)
    if segment.marker in SEQUENTIAL:
        parameters = segment.parameters
        return segment._replace(parameters=parameters[:1] + struct.pack(">H", height) + parameters[3:])
    return segment


def _components(frame: JpegSegment) -> dict[int, Component]:
    triples = (frame.parameters[6 + 3 * number :] for number in range(frame.parameters[5]))
    return {each[0]: Component(max(1, each[1] >> 4), max(1, each[1] & 15)) for each in triples}


def _mcu_bits(structure: JpegStructure, components: dict[int, Component]) -> str | None:
    """Return the bits of one MCU of empty blocks; None where a table has no code for them."""
    tables = _first_codes(structure)
    [scan] = structure.scans
    bits = ""
    for number in range(scan.parameters[0]):
        component, chosen = scan.parameters[1 + 2 * number : 3 + 2 * number]
        dc, ac = tables.get(chosen >> 4), tables.get(0x10 | chosen & 15)
        if component not in components or dc is None or ac is None:
            return None
        bits += (dc + ac) * (components[component].across * components[component].down)
    return bits


def _first_codes(structure: JpegStructure) -> dict[int, str]:
    """Return the code of symbol 0 by the table's class and number."""
    codes: dict[int, str] = {}
    for segment in structure.segments:
        at = 0
        while segment.marker == DHT and at + 1 + CODE_LENGTHS <= len(segment.parameters):
            table, counts = segment.parameters[at], segment.parameters[at + 1 : at + 1 + CODE_LENGTHS]
            at += 1 + CODE_LENGTHS
            symbols = segment.parameters[at : at + sum(counts)]
            at += sum(counts)
            if END_OF_BLOCK in symbols:
                codes[table] = _code(counts, symbols.index(END_OF_BLOCK))
    return codes


def _code(counts: bytes, place: int) -> str:
    """Return the canonical Huffman code of the symbol at this place of its table."""
    code, seen = 0, 0
    for length, count in enumerate(counts, 1):
        if place < seen + count:
            return f"{code + place - seen:0{length}b}"
        code, seen = code + count << 1, seen + count
    raise ValueError("a Huffman table has fewer codes than symbols")


def _stuffed(bits: str) -> bytes:
    """Return the bits as entropy-coded data: filled up with ones, and a zero behind each 0xFF."""
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8).replace(b"\xff", b"\xff\x00")
