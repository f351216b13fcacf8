"""Picture formats by their signatures: one table for camera, evidence store and console. Nothing is decoded here."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple


class PictureFormat(StrEnum):
    """Accepted formats, by Pillow's names."""

    JPEG = "JPEG"
    PNG = "PNG"
    BMP = "BMP"
    TIFF = "TIFF"
    WEBP = "WEBP"


class FormatDefinition(NamedTuple):
    """A format's signature, its media types (the first one is the proper one), and the suffix of its files."""

    signature: re.Pattern[bytes]
    media_types: tuple[str, ...]
    suffix: str


FORMATS: Final[dict[PictureFormat, FormatDefinition]] = {
    PictureFormat.JPEG: FormatDefinition(
        re.compile(rb"\xff\xd8\xff"), ("image/jpeg", "image/jpg", "image/pjpeg"), "jpg"
    ),
    PictureFormat.PNG: FormatDefinition(re.compile(rb"\x89PNG\r\n\x1a\n"), ("image/png",), "png"),
    PictureFormat.BMP: FormatDefinition(re.compile(rb"BM"), ("image/bmp", "image/x-bmp", "image/x-ms-bmp"), "bmp"),
    # classic and BigTIFF, in either byte order
    PictureFormat.TIFF: FormatDefinition(re.compile(rb"II[*+]\0|MM\0[*+]"), ("image/tiff", "image/tif"), "tif"),
    PictureFormat.WEBP: FormatDefinition(re.compile(rb"RIFF....WEBP", re.DOTALL), ("image/webp",), "webp"),
}


def picture_format(data: bytes) -> PictureFormat | None:
    """Return the format of the bytes by their signature; None for an unknown one."""
    return next((name for name, each in FORMATS.items() if each.signature.match(data)), None)


def format_of_media_type(media_type: str) -> PictureFormat | None:
    """Return the format that a media type names; None for an unknown one."""
    return next((name for name, each in FORMATS.items() if media_type in each.media_types), None)
