"""Opens and decodes pictures, within limits and strictly: cut off and damaged ones are refused.

Sizes are read from headers before anything is decoded, so that a decompression bomb costs nothing.
"""

from __future__ import annotations

import io
import math
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
from inspector.domain.cameras import Region
from inspector.domain.picture_format import MAX_PICTURE_BYTES, PictureFormat
from inspector.errors import PictureError
from inspector.text import printable, shortened

MAX_JPEG_REDUCTION: Final = 8
EXIF_ORIENTATION: Final = 0x0112  # EXIF
TURNS: Final = {  # EXIF orientation to the turn that makes the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS: Final = frozenset(TURNS[orientation] for orientation in (5, 6, 7, 8))
UNSUPPORTED_COLOURS: Final = {"LAB": "CIELAB"}  # by Pillow's mode, which it can't turn into RGB by itself

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

    `bit_depth` is what the pipeline declares for 16-bit files that do not declare their depth. `region` is the part of
    the upright picture that is decoded.
    """

    image: Image.Image
    data: bytes
    format: PictureFormat
    bit_depth: int | None = None
    jpeg: JpegStructure | None = None
    region: Region | None = None

    @property
    def size(self) -> PictureSize:
        return PictureSize(*self.image.size)

    @property
    def region_size(self) -> PictureSize:
        """The size of the upright region; that of the file where there is none."""
        if self.region is None:
            return self.size
        width, height = self.size
        left, top, right, bottom = region_px((height, width) if self._is_on_its_side else (width, height), self.region)
        return PictureSize(right - left, bottom - top)

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
            shown = upright if self.region is None else upright.crop(region_px(upright.size, self.region))
            return on_white(shown).convert("RGB")

    def grey(self, least_width: int, least_height: int) -> Grey:
        """Return the picture in 8-bit grey, as the file lies, or its upright region.

        A JPEG is reduced, but the whole picture to not less than this size.
        """
        pixels = self._whole_grey(least_width, least_height)
        if self.region is None:
            return pixels
        upright = pixels if self._turn is None else np.asarray(Image.fromarray(pixels).transpose(self._turn))
        left, top, right, bottom = region_px((upright.shape[1], upright.shape[0]), self.region)
        return np.ascontiguousarray(upright[top:bottom, left:right])

    @property
    def _turn(self) -> Image.Transpose | None:
        """How the file's pixels are turned to stand upright; None if they do."""
        return TURNS.get(self.image.getexif().get(EXIF_ORIENTATION, 1))

    @property
    def _is_on_its_side(self) -> bool:
        return self._turn in SIDEWAYS

    def _whole_grey(self, least_width: int, least_height: int) -> Grey:
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
    data: bytes,
    content_type: str = "",
    limits: PictureLimits = DEFAULT_LIMITS,
    bit_depth: int | None = None,
    region: Region | None = None,
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
            _refuse_colours(image, kind)
        yield OpenPicture(image, data, kind, bit_depth, jpeg, region)


def decode_rgb(data: bytes, bit_depth: int | None = None, region: Region | None = None) -> Image.Image:
    """Return an upright 8-bit RGB picture, or this region of it. Raises PictureError with the reason."""
    with opened(data, bit_depth=bit_depth, region=region) as picture:
        return picture.rgb()


def region_px(size: tuple[int, int], region: Region) -> tuple[int, int, int, int]:
    """Return the region in whole pixels of a picture of this size: left, top, right, bottom; at least one pixel."""
    (width, height), (x0, y0, x1, y1) = size, region
    left, top = min(math.floor(x0 * width), width - 1), min(math.floor(y0 * height), height - 1)
    return left, top, max(math.ceil(x1 * width), left + 1), max(math.ceil(y1 * height), top + 1)


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


def _refuse_colours(image: Image.Image, kind: str) -> None:
    if colours := UNSUPPORTED_COLOURS.get(image.mode):
        raise PictureError(f"{colours} colours in {kind} are not supported; send RGB or grey")


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
