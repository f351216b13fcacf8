"""Checks what a format offers against lost and damaged pixels, where Pillow doesn't: checksums, lengths, end marks.

BMP and uncompressed TIFF have only their length, and LZW little more: only the sender's sha256 detects a changed byte.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from PIL import Image, TiffImagePlugin

from inspector.adapters.pictures.jpeg_pixels import refuse_damaged_jpeg
from inspector.domain.picture_format import PictureFormat
from inspector.errors import PictureError

PNG_SIGNATURE_BYTES: Final = 8
CRITICAL_BIT: Final = 0x20  # of a PNG chunk's first letter: upper case is critical
STRIP_PLACES: Final = ((273, 279), (324, 325))  # TIFF: offsets and byte counts of strips, of tiles
TIFF_COMPRESSION, TIFF_JPEG_TABLES = 259, 347
TIFF_JPEG: Final = 7
TIFF_DEFLATE: Final = (8, 32946)
# none, LZW, JPEG, Deflate (two numbers), PackBits: libtiff refuses their damage, or this module does
TIFF_CHECKED: Final = {None, 1, 5, TIFF_JPEG, *TIFF_DEFLATE, 32773}
INFLATED_BLOCK_BYTES: Final = 1 << 20


def refuse_damage(image: Image.Image, data: bytes, kind: PictureFormat) -> None:
    """Raise PictureError if pixels are lost or damaged in a way that Pillow does not report."""
    if kind is PictureFormat.TIFF and isinstance(image, TiffImagePlugin.TiffImageFile):
        _refuse_damaged_tiff(image, data)
    elif kind in WITHOUT_IMAGE:
        WITHOUT_IMAGE[kind](data)


class PngChunk(NamedTuple):
    kind: bytes
    content: memoryview
    crc: int


def png_chunks(data: bytes) -> Iterator[PngChunk]:
    """Yield the chunks up to IEND. Raises PictureError where the file ends before."""
    view, at = memoryview(data), PNG_SIGNATURE_BYTES
    while True:
        if at + 12 > len(data):
            raise _damaged(PictureFormat.PNG, "it ends without its end chunk")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            raise _damaged(PictureFormat.PNG, "a chunk is longer than the file")
        yield PngChunk(kind, view[at + 8 : end], int.from_bytes(view[end : end + 4]))
        if kind == b"IEND":
            return
        at = end + 4


def _refuse_damaged_png(data: bytes) -> None:
    for chunk in png_chunks(data):
        is_critical = not chunk.kind[0] & CRITICAL_BIT
        if is_critical and zlib.crc32(chunk.content, zlib.crc32(chunk.kind)) != chunk.crc:
            raise _damaged(PictureFormat.PNG, "a checksum differs")


def _refuse_cut_webp(data: bytes) -> None:
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise _damaged(PictureFormat.WEBP, "it is shorter than its header says")


WITHOUT_IMAGE: Final[dict[PictureFormat, Callable[[bytes], None]]] = {
    PictureFormat.JPEG: refuse_damaged_jpeg,
    PictureFormat.PNG: _refuse_damaged_png,
    PictureFormat.WEBP: _refuse_cut_webp,
}


def _refuse_damaged_tiff(image: TiffImagePlugin.TiffImageFile, data: bytes) -> None:
    compression = image.tag_v2.get(TIFF_COMPRESSION)
    if compression not in TIFF_CHECKED:
        raise PictureError(
            f"TIFF compression {compression} is not supported; send TIFF uncompressed or with LZW, Deflate or JPEG"
        )
    strips = list(_strips(image, data))
    if compression in TIFF_DEFLATE:
        for strip in strips:
            _refuse_damaged_deflate(strip)
    elif compression == TIFF_JPEG:
        tables = bytes(image.tag_v2.get(TIFF_JPEG_TABLES, b""))
        for strip in strips:
            refuse_damaged_jpeg(tables[:-2] + bytes(strip[2:]) if tables else bytes(strip))


def _strips(image: TiffImagePlugin.TiffImageFile, data: bytes) -> Iterator[memoryview]:
    view = memoryview(data)
    for offsets, counts in STRIP_PLACES:
        places = zip(_numbers(image, offsets), _numbers(image, counts), strict=False)
        for offset, count in places:
            if offset + count > len(data):
                raise _damaged(PictureFormat.TIFF, "its pixels lie behind its end")
            yield view[offset : offset + count]


def _numbers(image: TiffImagePlugin.TiffImageFile, tag: int) -> tuple[int, ...]:
    value = image.tag_v2.get(tag, ())
    return tuple(value) if isinstance(value, tuple) else (int(value),)


def _refuse_damaged_deflate(strip: memoryview) -> None:
    """Inflate a strip up to its checksum, a block at a time: libtiff stops when it has its pixels."""
    inflater, pending = zlib.decompressobj(), bytes(strip)
    while not inflater.eof:
        if not inflater.decompress(pending, INFLATED_BLOCK_BYTES) and not inflater.unconsumed_tail:
            raise _damaged(PictureFormat.TIFF, "a strip ends too soon")
        pending = inflater.unconsumed_tail


def _damaged(kind: PictureFormat, how: str) -> PictureError:
    return PictureError(f"the {kind} is damaged or cut off: {how}; check the transfer")
