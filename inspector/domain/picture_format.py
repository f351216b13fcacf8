"""Picture formats by their signatures: one table for camera, evidence store and console. Nothing is decoded here."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple

SEND_PICTURE: Final = "send JPEG, PNG, BMP, TIFF or WebP"
SEND_BYTES: Final = "send the bytes of the picture file as they are"
MAX_PICTURE_BYTES: Final = 32 * 1024 * 1024  # a larger picture is neither kept nor decoded


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


# what senders put in place of picture bytes, or picture formats that are not accepted: signature, name, remedy
FOREIGN: Final[tuple[tuple[re.Pattern[bytes], str, str], ...]] = (
    (re.compile(rb"\s{0,16}data:[\w.+-]*/?[\w.+-]*[;,]", re.IGNORECASE), "a data URI", SEND_BYTES),
    (re.compile(rb"\s{0,16}(--[^\r\n]{1,70}\r?\n)?content-[a-z]+:", re.IGNORECASE), "a multipart body", SEND_BYTES),
    (
        re.compile(rb"\s{0,16}[\"']?(/9j/|iVBORw0KGgo|Qk[0-3]|SUkq|TU0AK|UklGR)[A-Za-z0-9+/_\-\s]*"),
        "base64 text",
        SEND_BYTES,
    ),
    (re.compile(rb"\s{0,16}[{\[]"), "JSON text", SEND_BYTES),
    (re.compile(rb"\s{0,16}<"), "XML or HTML text", SEND_BYTES),
    (re.compile(rb"GIF8"), "GIF", SEND_PICTURE),
    (re.compile(rb"%PDF"), "PDF", SEND_PICTURE),
    (re.compile(rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  "), "JPEG 2000", SEND_PICTURE),
    (re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "), "JPEG XL", SEND_PICTURE),
    (re.compile(rb"....ftyp(avif|avis)", re.DOTALL), "AVIF", SEND_PICTURE),
    (re.compile(rb"....ftyp(heic|heix|mif1|heim|heis)", re.DOTALL), "HEIC", SEND_PICTURE),
    (re.compile(rb"\x1f\x8b|PK\x03\x04|\x28\xb5\x2f\xfd"), "a compressed archive", SEND_BYTES),
)


class ForeignContent(NamedTuple):
    """Content that is no accepted picture, by name, and what to send instead."""

    name: str
    remedy: str


def foreign_content(data: bytes) -> ForeignContent | None:
    """Return what the bytes are in place of an accepted picture; None if that is unknown."""
    return next((ForeignContent(name, remedy) for signature, name, remedy in FOREIGN if signature.match(data)), None)


def picture_format(data: bytes) -> PictureFormat | None:
    """Return the format of the bytes by their signature; None for an unknown one."""
    return next((name for name, each in FORMATS.items() if each.signature.match(data)), None)


def format_of_media_type(media_type: str) -> PictureFormat | None:
    """Return the format that a media type names; None for an unknown one."""
    return next((name for name, each in FORMATS.items() if media_type in each.media_types), None)
