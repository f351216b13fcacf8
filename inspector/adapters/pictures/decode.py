"""Opens and decodes pictures, within limits and strictly: cut off and damaged ones are refused.

Sizes are read from headers before anything is decoded, so that a decompression bomb costs nothing.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from inspector.adapters.pictures.formats import PictureSize, format_of, webp_canvas
from inspector.adapters.pictures.integrity import refuse_damage
from inspector.adapters.pictures.jpeg_pixels import grey_jpeg
from inspector.adapters.pictures.jpeg_structure import JpegStructure, read_structure
from inspector.adapters.pictures.sample_depth import eight_bit, sample_bits
from inspector.domain.picture_format import MAX_PICTURE_BYTES, PictureFormat
from inspector.errors import PictureError
from inspector.text import printable, shortened

MAX_JPEG_REDUCTION: Final = 8

Grey = NDArray[np.uint8]

Image.init()  # loads Pillow's plugins now: loading them with the first frame would make it late


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """What decoding a picture may cost."""

    max_bytes: int = MAX_PICTURE_BYTES
    max_pixels: int = 40_000_000


DEFAULT_LIMITS: Final = PictureLimits()


@dataclass(frozen=True, slots=True)
class OpenPicture:
    """A picture whose header was read. Decoding it raises PictureError where pixels are lost or damaged.

    `bit_depth` is what the pipeline declares for 16-bit files that do not declare their depth.
    """

    image: Image.Image
    data: bytes
    format: PictureFormat
    bit_depth: int | None = None
    jpeg: JpegStructure | None = None

    @property
    def size(self) -> PictureSize:
        return PictureSize(*self.image.size)

    @property
    def sample_bits(self) -> int:
        return sample_bits(self.image, self.data)

    def check(self) -> None:
        """Refuse lost or damaged pixels."""
        with _reading(self.format):
            refuse_damage(self.image, self.data, self.format)
            if self.format is not PictureFormat.JPEG:
                self.image.load()

    def rgb(self) -> Image.Image:
        """Return the upright picture in 8-bit RGB, on white where it is transparent."""
        with _reading(self.format):
            refuse_damage(self.image, self.data, self.format)
            self.image.load()
            plain = eight_bit(self.image, self.data, self.bit_depth)
            upright = ImageOps.exif_transpose(plain)
            return on_white(upright).convert("RGB")

    def grey(self, least_width: int, least_height: int) -> Grey:
        """Return the picture in 8-bit grey, as the file lies. A JPEG is reduced to not less than this size."""
        with _reading(self.format):
            if self.jpeg and (pixels := self._grey_jpeg(self.jpeg, least_width, least_height)) is not None:
                return pixels
            refuse_damage(self.image, self.data, self.format)
            self.image.load()
            return np.asarray(on_white(eight_bit(self.image, self.data, self.bit_depth)).convert("L"))

    def _grey_jpeg(self, jpeg: JpegStructure, least_width: int, least_height: int) -> Grey | None:
        """Reduce to 1/1, 1/2, 1/4 or 1/8, whichever is just not smaller than asked."""
        by = MAX_JPEG_REDUCTION
        while by > 1 and (self.size.width_px < least_width * by or self.size.height_px < least_height * by):
            by //= 2
        return grey_jpeg(jpeg, by)


@contextmanager
def opened(
    data: bytes, content_type: str = "", limits: PictureLimits = DEFAULT_LIMITS, bit_depth: int | None = None
) -> Iterator[OpenPicture]:
    """Open a picture: its header is read, nothing is decoded. Raises PictureError if it is not acceptable."""
    if len(data) > limits.max_bytes:
        raise PictureError(
            f"the picture has {len(data):,} bytes, more than {limits.max_bytes:,}; compress or shrink it"
        )
    kind = format_of(data, content_type)
    if kind is PictureFormat.WEBP and (canvas := webp_canvas(data)):
        _refuse_large(canvas, limits)  # Pillow allocates it while opening
    jpeg = read_structure(data) if kind is PictureFormat.JPEG else None
    with _reading(kind):
        image = Image.open(io.BytesIO(data), formats=(kind.value,))
    with image:
        with _reading(kind):
            _refuse_large(PictureSize(*image.size), limits)
            _refuse_many(image)
        yield OpenPicture(image, data, kind, bit_depth, jpeg)


def decode_rgb(data: bytes, bit_depth: int | None = None) -> Image.Image:
    """Return an upright 8-bit RGB picture. Raises PictureError with the reason."""
    with opened(data, bit_depth=bit_depth) as picture:
        return picture.rgb()


def on_white(image: Image.Image) -> Image.Image:
    """Show white behind transparent pixels: without it, their hidden colour would show, usually black."""
    if not image.has_transparency_data:
        return image
    picture = image.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    return white.convert("RGB")


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
        return "its header can't be read, or names a pixel layout that is not supported"
    return shortened(printable(str(error)).partition("\n")[0], 120) or type(error).__name__
