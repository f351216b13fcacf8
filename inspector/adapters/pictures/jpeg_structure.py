"""The structure of a JPEG: its encoding, its scans and its end. Entropy-coded data is passed over, not decoded.

Costs are counted up to the picture's own end marker; what follows it belongs to no picture.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from inspector.errors import PictureError

MAX_SCANS: Final = 100  # progressive JPEGs have about ten; each scan processes the whole picture again
MAX_SEGMENTS: Final = 4096  # of 64 KiB at most; a large EXIF note or colour profile takes some dozens
COEFFICIENTS: Final = 64  # of a block of 8 x 8 pixels
SOI, EOI, SOS, DQT, DHT, DRI, APP0, APP14 = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xE0, 0xEE
PROGRESSIVE: Final = 0xC2
FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, 0xCC} | {0xF7}
DECODED_FRAMES: Final = frozenset({0xC0, 0xC1, PROGRESSIVE})
CARRIES_PIXELS: Final = frozenset({DQT, DHT, DRI, SOS}) | DECODED_FRAMES
JFIF: Final = b"JFIF\0"
PLAIN_JFIF: Final = JFIF + b"\1\1\0\0\1\0\1\0\0"  # version 1.1, no thumbnail
ADOBE: Final = b"Adobe"
ADOBE_TRANSFORMS: Final = (0, 1, 2)  # colours as they are, YCbCr, YCCK
UNSUPPORTED_FRAMES: Final = {
    0xC3: "lossless",
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical"),
    **dict.fromkeys((0xC9, 0xCA, 0xCB), "arithmetic-coded"),
    0xF7: "JPEG-LS",
}
# the next marker that is neither a stuffed byte nor a restart
NEXT_MARKER: Final = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)


class JpegSegment(NamedTuple):
    """One marker segment: its parameters, and the entropy-coded data that follows a scan's header."""

    marker: int
    parameters: bytes
    entropy: bytes = b""

    def encoded(self) -> bytes:
        return struct.pack(">BBH", 0xFF, self.marker, len(self.parameters) + 2) + self.parameters + self.entropy


@dataclass(slots=True)
class JpegStructure:
    """The segments of one JPEG picture."""

    segments: list[JpegSegment] = field(default_factory=list)

    @property
    def frame(self) -> JpegSegment:
        frame = next((each for each in self.segments if each.marker in FRAME_MARKERS), None)
        if frame is None or len(frame.parameters) < 6 + 3 * frame.parameters[5]:
            raise damaged("it has no frame header")
        return frame

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = struct.unpack_from(">HH", self.frame.parameters, 1)
        return width, height

    @property
    def components(self) -> tuple[int, ...]:
        """The ids of the colour components."""
        parameters = self.frame.parameters
        return tuple(parameters[6 + 3 * number] for number in range(parameters[5]))

    @property
    def scans(self) -> list[JpegSegment]:
        return [each for each in self.segments if each.marker == SOS]

    def pixel_stream(self) -> bytes:
        """Return the picture without what carries no pixels: a warning about this stream means lost pixels."""
        is_sequential = self.frame.marker != PROGRESSIVE
        kept = filter(None, map(_pixel_segment, self.segments))
        parts = (_plain_scan(each) if is_sequential and each.marker == SOS else each for each in kept)
        return b"".join([b"\xff\xd8", *(each.encoded() for each in parts), b"\xff\xd9"])


def read_structure(data: bytes) -> JpegStructure:
    """Read a JPEG up to its end marker. Raises PictureError if it is cut off, too costly, or of an unsupported kind."""
    structure = JpegStructure()
    scans = 0
    for segment in _segments(data):
        scans += segment.marker == SOS
        if scans > MAX_SCANS:
            raise PictureError(f"the JPEG has more than {MAX_SCANS} scans; send baseline JPEG")
        structure.segments.append(segment)
        if len(structure.segments) > MAX_SEGMENTS:
            raise PictureError(f"the JPEG has more than {MAX_SEGMENTS:,} segments; send baseline JPEG")
    _refuse_unsupported(structure.frame)
    _refuse_incomplete(structure)
    return structure


def damaged(how: str) -> PictureError:
    return PictureError(f"the JPEG is damaged or cut off: {how}; check the transfer")


def _segments(data: bytes) -> Iterator[JpegSegment]:
    at = 2
    while True:
        at = _marker_at(data, at)
        marker = data[at]
        if marker == EOI:
            return
        if marker == SOI:
            raise damaged("another picture begins inside it")
        at += 1
        if 0xD0 <= marker <= 0xD7 or marker == 0x01:  # without parameters
            continue
        length = int.from_bytes(data[at : at + 2])
        end = at + length
        if length < 2 or end > len(data):
            raise damaged("a segment is longer than the file")
        entropy_end = _entropy_end(data, end) if marker == SOS else end
        yield JpegSegment(marker, data[at + 2 : end], data[end:entropy_end])
        at = entropy_end


def _marker_at(data: bytes, at: int) -> int:
    """Return the place of the marker's second byte, behind fill bytes."""
    if data[at : at + 1] != b"\xff":
        raise damaged("it ends without an end marker" if at >= len(data) else "bytes lie between its segments")
    while data[at : at + 1] == b"\xff":
        at += 1
    if at >= len(data):
        raise damaged("it ends without an end marker")
    return at


def _entropy_end(data: bytes, start: int) -> int:
    found = NEXT_MARKER.search(data, start)
    if found is None:
        raise damaged("it ends without an end marker")
    return found.start()


def _refuse_unsupported(frame: JpegSegment) -> None:
    kind = UNSUPPORTED_FRAMES.get(frame.marker)
    if kind is None and frame.parameters[0] != 8:
        kind = f"{frame.parameters[0]}-bit"
    if kind is not None:
        raise PictureError(f"{kind} JPEG is not supported; send 8-bit baseline or progressive JPEG, PNG or TIFF")


def _refuse_incomplete(structure: JpegStructure) -> None:
    """Refuse a JPEG that was cut between two scans and closed: libjpeg decodes it without a warning."""
    missing_bits = {component: [1] * COEFFICIENTS for component in structure.components}
    is_progressive = structure.frame.marker == PROGRESSIVE
    for scan in structure.scans:
        components, (first, last, _, low) = _scan_header(scan)
        for component in components:
            if component not in missing_bits:
                raise damaged("a scan names an unknown component")
            span = slice(first, last + 1) if is_progressive else slice(None)
            bits = missing_bits[component]
            bits[span] = [low if is_progressive else 0] * len(bits[span])
    if any(map(any, missing_bits.values())):
        raise damaged("scans are missing at its end")


def _scan_header(scan: JpegSegment) -> tuple[tuple[int, ...], tuple[int, int, int, int]]:
    """Return the components of a scan, and its first and last coefficient with the high and low bit."""
    parameters = scan.parameters
    count = parameters[0] if parameters else 0
    if len(parameters) != 4 + 2 * count or not count:
        raise damaged("a scan header has a wrong length")
    first, last, bits = parameters[-3:]
    return tuple(parameters[1 : 1 + 2 * count : 2]), (first, last, bits >> 4, bits & 15)


def _pixel_segment(segment: JpegSegment) -> JpegSegment | None:
    """Return the segment, if pixels or their colour space depend on it."""
    if segment.marker == APP0 and segment.parameters.startswith(JFIF):
        return JpegSegment(APP0, PLAIN_JFIF)
    is_adobe = segment.marker == APP14 and segment.parameters.startswith(ADOBE) and len(segment.parameters) >= 12
    if segment.marker in CARRIES_PIXELS or (is_adobe and segment.parameters[11] in ADOBE_TRANSFORMS):
        return segment
    return None


def _plain_scan(scan: JpegSegment) -> JpegSegment:
    """Write what sequential scans must say of coefficients. Some encoders write zeros, which change nothing."""
    return scan._replace(parameters=scan.parameters[:-3] + b"\x00\x3f\x00")
