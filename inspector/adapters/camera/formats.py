"""What kind of picture some bytes are, told from the bytes alone; nothing is decoded here."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from inspector.errors import PictureError
from inspector.text import printable, shortened


class Format(StrEnum):
    """Accepted formats by Pillow's names."""

    JPEG = "JPEG"
    PNG = "PNG"
    BMP = "BMP"
    TIFF = "TIFF"
    WEBP = "WEBP"


MEDIA_TYPES: Final[dict[str, Format]] = {
    "image/jpeg": Format.JPEG,
    "image/jpg": Format.JPEG,
    "image/pjpeg": Format.JPEG,
    "image/png": Format.PNG,
    "image/bmp": Format.BMP,
    "image/x-bmp": Format.BMP,
    "image/x-ms-bmp": Format.BMP,
    "image/tiff": Format.TIFF,
    "image/tif": Format.TIFF,
    "image/webp": Format.WEBP,
}
MAGIC: Final = (
    (b"\xff\xd8\xff", Format.JPEG),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"BM", Format.BMP),
    (b"II*\0", Format.TIFF),
    (b"MM\0*", Format.TIFF),
    (b"II+\0", Format.TIFF),
    (b"MM\0+", Format.TIFF),
)


class Size(NamedTuple):
    width_px: int
    height_px: int


def format_of(data: bytes, content_type: str) -> Format:
    """The format of the bytes. Raises PictureError for no known one, and for a declared type that contradicts it."""
    if not data:
        raise PictureError("the frame is empty; check the camera and its gateway")
    found = _by_magic(data)
    if found is None:
        raise PictureError(f"not a picture (begins with {data[:8].hex(' ')}); send JPEG, PNG, BMP, TIFF or WebP")
    declared = content_type.partition(";")[0].strip().lower()
    is_picture_type = declared.startswith("image/") and declared != "image/*"
    if is_picture_type and MEDIA_TYPES.get(declared) is not found:
        shown = shortened(printable(declared), 40)
        raise PictureError(f"Content-Type says {shown}, but the bytes are {found}; correct the sender")
    return found


def webp_canvas(data: bytes) -> Size | None:
    """The size in a WebP header; None where it can't be made out. Pillow allocates the canvas while opening."""
    chunk, width, height = data[12:16], 0, 0
    if chunk == b"VP8X":
        width, height = 1 + _little(data[24:27]), 1 + _little(data[27:30])
    elif chunk == b"VP8L":
        bits = _little(data[21:25])
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif chunk == b"VP8 ":
        width, height = _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF
    return Size(width, height) if width and height else None


def _by_magic(data: bytes) -> Format | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Format.WEBP
    return next((found for magic, found in MAGIC if data.startswith(magic)), None)


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
