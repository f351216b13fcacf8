"""Stored pictures on their way to a browser. Knows Pillow; trusts neither their bytes nor what they claim to be."""

from __future__ import annotations

import io
import struct
from importlib.resources import files
from typing import Final, NamedTuple

from PIL import Image, ImageOps

from inspector.domain.picture_format import FORMATS, picture_format

MAX_PIXELS: Final = 64_000_000  # decoded at once; beyond it a thumbnail could take the console's memory
JPEG_QUALITY: Final = 82
DOWNLOAD_TYPE: Final = "application/octet-stream"
SVG_TYPE: Final = "image/svg+xml"  # only ever our own
UNREADABLE_ERRORS: Final = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    struct.error,
    Image.DecompressionBombError,
)


class PictureBody(NamedTuple):
    """Bytes and the media type they are sent as."""

    data: bytes
    media_type: str


def placeholder(name: str) -> PictureBody:
    """A drawing in place of a picture: `missing` or `unreadable`."""
    return PictureBody((files("inspector.adapters.console") / "assets" / f"picture_{name}.svg").read_bytes(), SVG_TYPE)


def media_type(data: bytes) -> str:
    """What the bytes are, by their signature: a picture type we know, or a download."""
    name = picture_format(data)
    return DOWNLOAD_TYPE if name is None else FORMATS[name].media_types[0]


def thumbnail(data: bytes, side: int) -> PictureBody | None:
    """The picture, upright, as JPEG within `side` x `side` pixels, never enlarged; None when it can't be read."""
    try:
        return PictureBody(_shrunk(data, side), "image/jpeg")
    except UNREADABLE_ERRORS:
        return None


def _shrunk(data: bytes, side: int) -> bytes:
    with Image.open(io.BytesIO(data), formats=tuple(FORMATS)) as image:
        image.draft("RGB", (side, side))
        if image.width * image.height > MAX_PIXELS:
            raise ValueError("too many pixels")
        small = _eight_bit(ImageOps.exif_transpose(image))
        small.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
        jpeg = io.BytesIO()
        small.convert("RGB").save(jpeg, "JPEG", quality=JPEG_QUALITY)
    return jpeg.getvalue()


def _eight_bit(image: Image.Image) -> Image.Image:
    """16-bit grey, as machine cameras send it, scaled to 8 bit: Pillow alone would clip it to white."""
    if not image.mode.startswith("I"):
        return image
    return image.convert("I").point(lambda grey: grey * (1 / 256)).convert("L")
