"""Checks the format of a frame's bytes, and reads sizes that Pillow would trust. Nothing is decoded here."""

from __future__ import annotations

from typing import NamedTuple

from inspector.domain.picture_format import (
    SEND_PICTURE,
    PictureFormat,
    foreign_content,
    format_of_media_type,
    picture_format,
)
from inspector.errors import PictureError
from inspector.text import printable, shortened


class PictureSize(NamedTuple):
    width_px: int
    height_px: int


def format_of(data: bytes, content_type: str) -> PictureFormat:
    """Return the format of the bytes.

    Raises PictureError for an unknown format, and for a declared type that contradicts it.
    """
    if not data:
        raise PictureError("the frame is empty; check the camera and its gateway")
    actual = picture_format(data)
    if actual is None:
        raise PictureError(_unknown(data))
    declared = content_type.partition(";")[0].strip().lower()
    is_picture_type = declared.startswith("image/") and declared != "image/*"
    if is_picture_type and format_of_media_type(declared) is not actual:
        shown = shortened(printable(declared), 40)
        raise PictureError(f"Content-Type says {shown}, but the bytes are {actual}; correct the sender")
    return actual


def _unknown(data: bytes) -> str:
    if foreign := foreign_content(data):
        return f"the frame is {foreign.name}, not an accepted picture; {foreign.remedy}"
    return f"not a picture (begins with {data[:8].hex(' ')}); {SEND_PICTURE}"


def webp_canvas(data: bytes) -> PictureSize | None:
    """Return the size in a WebP header; None if it can't be read. Pillow allocates the canvas while opening."""
    chunk, width, height = data[12:16], 0, 0
    if chunk == b"VP8X":
        width, height = 1 + _little(data[24:27]), 1 + _little(data[27:30])
    elif chunk == b"VP8L":
        bits = _little(data[21:25])
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif chunk == b"VP8 ":
        width, height = _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF
    return PictureSize(width, height) if width and height else None


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
