"""Pixels of 9 to 16 bits, scaled to 8 bits at the depth that the file or the pipeline declares.

A camera that writes 12 bits into 16-bit samples without saying so would look nearly black: its pictures are refused.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from inspector.adapters.pictures.integrity import png_chunks
from inspector.errors import PictureError

PNG_DEPTH_AT: Final = 24  # the byte of a PNG that holds the bits per sample
TIFF_BITS, TIFF_PHOTOMETRIC, TIFF_MAX_SAMPLE = 258, 262, 341
WHITE_IS_ZERO: Final = 0  # TIFF PhotometricInterpretation
FULL_BITS: Final = 16
SHALLOW_BITS: Final = 14  # the deepest camera below 16 bits: brighter pixels prove that 16 bits are used
COLOUR_MODES: Final = ("RGB", "RGBA", "LA")
OPAQUE_CHANNELS: Final = 3

Samples = NDArray[np.uint16]


class Depth(NamedTuple):
    """The white of 16-bit samples. `is_declared`: the file or the pipeline names it."""

    white: int = (1 << FULL_BITS) - 1
    is_declared: bool = False

    @property
    def bits(self) -> int:
        return self.white.bit_length()


def sample_bits(image: Image.Image, data: bytes) -> int:
    """Return how many bits a sample has in the file."""
    if image.format == "PNG":
        return data[PNG_DEPTH_AT]
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return max(_tag(image, TIFF_BITS), default=1)
    return 8


def eight_bit(image: Image.Image, data: bytes, bit_depth: int | None) -> Image.Image:
    """Return the picture with 8 bits per sample, white at full range. `bit_depth` is the pipeline's, if it has one."""
    if image.mode in ("I", "F"):
        raise PictureError("pixels of 32 bits have no known white; send 8 or 16 bits per channel")
    if sample_bits(image, data) <= 8:
        return image
    scaled = _grey(image, data, bit_depth) if image.mode.startswith("I;16") else _colour(image, data, bit_depth)
    if "exif" in image.info:
        scaled.info["exif"] = image.info["exif"]  # its orientation is applied later
    return scaled


def _grey(image: Image.Image, data: bytes, bit_depth: int | None) -> Image.Image:
    samples = np.asarray(image).astype(np.uint16)
    grey = _scaled(samples, _depth(image, data, samples, bit_depth))
    if isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(TIFF_PHOTOMETRIC) == WHITE_IS_ZERO:
        grey = 255 - grey  # Pillow inverts pixels of up to 8 bits only
    if isinstance(transparent := image.info.get("transparency"), int):
        grey[samples == transparent] = 255
    return Image.fromarray(grey)


def _colour(image: Image.Image, data: bytes, bit_depth: int | None) -> Image.Image:
    """Scale colours. Pillow keeps the upper byte of each sample, which is right for the full 16 bits only."""
    samples = _colour_samples(image, data)
    if samples is None:
        raise PictureError(f"{image.mode} pixels of 16 bits are not supported; send RGB or grey")
    colours = samples[..., 2::-1]  # opacity says nothing about the depth
    depth = _depth(image, data, colours, bit_depth)
    if depth.bits == FULL_BITS:
        return image
    scaled = _scaled(colours, depth)
    if samples.shape[2] == OPAQUE_CHANNELS:
        return Image.fromarray(scaled)
    return Image.fromarray(np.dstack([scaled, (samples[..., 3] >> 8).astype(np.uint8)]))


def _colour_samples(image: Image.Image, data: bytes) -> Samples | None:
    """Return blue, green, red and perhaps opacity in 16 bits; None where OpenCV reads another picture than Pillow."""
    samples = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    is_same = (
        image.mode in COLOUR_MODES
        and samples is not None
        and samples.dtype == np.uint16
        and samples.ndim == 3
        and samples.shape[:2] == (image.height, image.width)
    )
    return samples if is_same else None


def _scaled(samples: Samples, depth: Depth) -> NDArray[np.uint8]:
    brightest = int(samples.max(initial=0))
    if brightest > depth.white:
        raise PictureError(
            f"a pixel of {brightest} exceeds the declared depth of {depth.bits} bits ({depth.white}); "
            "correct the camera's pixel format or picture.bit_depth"
        )
    if depth.white + 1 == 1 << depth.bits:
        return (samples >> (depth.bits - 8)).astype(np.uint8)
    return (samples.astype(np.uint32) * 256 // (depth.white + 1)).astype(np.uint8)


def _depth(image: Image.Image, data: bytes, samples: Samples, bit_depth: int | None) -> Depth:
    depth = _file_depth(image, data, samples)
    if not depth.is_declared and bit_depth is not None:
        depth = Depth((1 << bit_depth) - 1, is_declared=True)
    if not depth.is_declared:
        _refuse_shallow(int(samples.max(initial=0)))
    return depth


def _file_depth(image: Image.Image, data: bytes, samples: Samples) -> Depth:
    """Return the depth that the file declares: TIFF BitsPerSample and SMaxSampleValue, PNG sBIT."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        declared = max(_tag(image, TIFF_MAX_SAMPLE), default=0)
        bits = max(_tag(image, TIFF_BITS), default=FULL_BITS)
        if 255 <= declared < 1 << FULL_BITS:
            return Depth(declared, is_declared=True)
        return Depth((1 << bits) - 1, is_declared=True) if bits < FULL_BITS else Depth()
    significant = _significant_bits(data)
    if significant is None:
        return Depth()
    return Depth((1 << significant) - 1 if _is_unscaled(samples, significant) else Depth().white, is_declared=True)


def _significant_bits(data: bytes) -> int | None:
    """Return the depth in a PNG's sBIT chunk."""
    chunk = next((each for each in png_chunks(data) if each.kind in (b"sBIT", b"IDAT")), None)
    if chunk is None or chunk.kind != b"sBIT" or not chunk.content:
        return None
    bits = chunk.content[0]
    return bits if 8 <= bits <= FULL_BITS else None


def _is_unscaled(samples: Samples, bits: int) -> bool:
    """Whether samples of so many bits lie in the lower bits.

    PNG asks for samples scaled to 16 bits, but cameras also write them as they are. A scaled dark picture has zeros in
    its lower bits.
    """
    unused = (1 << (FULL_BITS - bits)) - 1
    return int(samples.max(initial=0)) < 1 << bits and bool((samples & unused).any())


def _refuse_shallow(brightest: int) -> None:
    bits = brightest.bit_length()
    if bits > SHALLOW_BITS:
        return
    likely = next(depth for depth in (8, 10, 12, SHALLOW_BITS) if bits <= depth)
    raise PictureError(
        f"16-bit samples without a declared depth use {bits} bits: the model would not see their full range; "
        f"set picture.bit_depth to the camera's depth, such as {likely}, or declare it in the file"
    )


def _tag(image: TiffImagePlugin.TiffImageFile, tag: int) -> tuple[int, ...]:
    value = image.tag_v2.get(tag, ())
    values = value if isinstance(value, tuple) else (value,)
    return tuple(int(each) for each in values)
