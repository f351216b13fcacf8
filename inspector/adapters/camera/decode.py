"""Decodes a frame's bytes to grey pixels, within limits and strictly: truncated or damaged pictures are refused.

Sizes are read from headers before anything is decoded, so that a decompression bomb costs nothing. Pillow decodes,
because OpenCV silently fills the missing rest of a truncated JPEG with grey.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from inspector.adapters.camera.formats import PictureSize, format_of, webp_canvas
from inspector.domain.picture_format import PictureFormat
from inspector.errors import PictureError
from inspector.text import printable, shortened

MEASURED_SIDE_PX: Final = 640
MAX_JPEG_SCANS: Final = 100  # progressive JPEGs have about ten; each scan processes the whole picture again

Grey = NDArray[np.uint8]

Image.init()  # loads Pillow's plugins now: loading them with the first frame would make it late


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """What decoding a picture may cost."""

    max_bytes: int = 32 * 1024 * 1024
    max_pixels: int = 40_000_000


def opened(data: bytes, content_type: str, limits: PictureLimits) -> Image.Image:
    """Open a picture: its header is read, nothing is decoded. Raises PictureError if it is not acceptable."""
    if len(data) > limits.max_bytes:
        raise PictureError(
            f"the picture has {len(data):,} bytes, more than {limits.max_bytes:,}; compress or shrink it"
        )
    kind = format_of(data, content_type)
    _refuse_costly(data, kind, limits)
    with _reading(kind):
        image = Image.open(io.BytesIO(data), formats=(kind.value,))
        _refuse_large(PictureSize(*image.size), limits)
        _refuse_many(image)
    return image


def grey(image: Image.Image) -> Grey:
    """Decode the whole picture strictly to 8-bit grey of at most MEASURED_SIDE_PX per side."""
    with _reading(image.format or "picture"):
        scale = min(1.0, MEASURED_SIDE_PX / max(image.size))
        wanted = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        image.draft("L", wanted)  # JPEG only: decodes at the next larger of 1/1, 1/2, 1/4, 1/8, without colour
        pixels = _eight_bit(image)
    return pixels if scale == 1.0 else cv2.resize(pixels, wanted, interpolation=cv2.INTER_AREA)


def _eight_bit(image: Image.Image) -> Grey:
    if image.mode.startswith("I;16"):
        return (np.asarray(image) >> 8).astype(np.uint8)  # Pillow would clip at 255
    if image.mode in ("I", "F"):
        raise PictureError("pixels of 32 bits have no known white; send 8 or 16 bits per channel")
    return np.asarray(image.convert("L"))


def _refuse_costly(data: bytes, kind: PictureFormat, limits: PictureLimits) -> None:
    """Refuse pictures that cost Pillow too much while opening them."""
    if kind is PictureFormat.WEBP and (canvas := webp_canvas(data)):
        _refuse_large(canvas, limits)
    if kind is PictureFormat.JPEG and data.count(b"\xff\xda") > MAX_JPEG_SCANS:
        raise PictureError(f"the JPEG has more than {MAX_JPEG_SCANS} scans; send baseline JPEG")


def _refuse_large(size: PictureSize, limits: PictureLimits) -> None:
    pixels = size.width_px * size.height_px
    if pixels > limits.max_pixels:
        what = f"{size.width_px}x{size.height_px} px ({pixels / 1e6:.1f} MP)"
        raise PictureError(f"the picture has {what}, more than {limits.max_pixels / 1e6:g} MP; shrink it")


def _refuse_many(image: Image.Image) -> None:
    try:
        image.seek(1)
    except EOFError:
        return
    raise PictureError("the file holds several pictures; send one picture per frame")


@contextmanager
def _reading(kind: str) -> Iterator[None]:
    """Turn every exception of Pillow (KeyError, struct.error, zlib.error, its warnings) into a PictureError."""
    try:
        yield
    except PictureError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise PictureError(f"the {kind} has too many pixels; shrink it") from error
    except Exception as error:
        raise PictureError(f"the {kind} is damaged or cut off: {_said(error)}; check the transfer") from error


def _said(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "its header can't be read"
    return shortened(printable(str(error)).partition("\n")[0], 120) or type(error).__name__
