"""Stored pictures, prepared for a browser.

Pillow decodes them. Neither their bytes nor their declared media type is trusted.
"""

from __future__ import annotations

import io
import struct
from importlib.resources import files
from typing import Final, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from inspector.adapters.pictures import on_white
from inspector.domain.picture_format import FORMATS, picture_format

MAX_PIXELS: Final = 64_000_000  # largest picture that is decoded; a larger one could exhaust the console's memory
JPEG_QUALITY: Final = 82
DOWNLOAD_TYPE: Final = "application/octet-stream"
SVG_TYPE: Final = "image/svg+xml"  # used for the placeholders only; stored pictures are never sent as SVG
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
    """The body of a picture response, and its media type."""

    data: bytes
    media_type: str


def placeholder(name: str) -> PictureBody:
    """Return the drawing that replaces a picture: `missing`, `removed` or `unreadable`."""
    return PictureBody((files("inspector.adapters.console") / "assets" / f"picture_{name}.svg").read_bytes(), SVG_TYPE)


def media_type(data: bytes) -> str:
    """Return the media type by the signature of the bytes: a known picture type, or a download."""
    name = picture_format(data)
    return DOWNLOAD_TYPE if name is None else FORMATS[name].media_types[0]


def thumbnail(data: bytes, side: int) -> PictureBody | None:
    """Return the picture, upright, as JPEG within `side` x `side` pixels.

    A small picture is not enlarged. Returns None if the picture can't be decoded.
    """
    try:
        return PictureBody(_shrunk(data, side), "image/jpeg")
    except UNREADABLE_ERRORS:
        return None


def _shrunk(data: bytes, side: int) -> bytes:
    with Image.open(io.BytesIO(data), formats=tuple(FORMATS)) as image:
        image.draft("RGB", (side, side))
        if image.width * image.height > MAX_PIXELS:
            raise ValueError("too many pixels")
        small = on_white(_eight_bit(ImageOps.exif_transpose(image)))
        small.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
        jpeg = io.BytesIO()
        small.convert("RGB").save(jpeg, "JPEG", quality=JPEG_QUALITY)
    return jpeg.getvalue()


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey to 8 bits, at the least depth that holds it: a person must see refused pictures too."""
    if not image.mode.startswith("I"):
        return image
    grey = np.asarray(image).astype(np.uint32)
    depth = max(8, int(grey.max(initial=0)).bit_length())
    return Image.fromarray((grey >> depth - 8).astype(np.uint8))
