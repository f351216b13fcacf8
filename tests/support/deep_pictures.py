"""Pictures of 10 to 16 bits, as cameras and their software write them."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin
from support.camera_pictures import encoded, scene

Samples = NDArray[np.uint16]
SIZE = (400, 300)


def samples(bits: int, *, colour: bool = False) -> Samples:
    """A scene whose white is that of this depth."""
    picture = np.asarray(scene(*SIZE) if colour else scene(*SIZE).convert("L")).astype(np.uint32)
    return (picture * ((1 << bits) - 1) // 255).astype(np.uint16)


def png16(pixels: Samples, *, significant_bits: int | None = None) -> bytes:
    data = bytes(cv2.imencode(".png", pixels[..., ::-1] if pixels.ndim == 3 else pixels)[1])
    if significant_bits is None:
        return data
    chunk = b"sBIT" + bytes([significant_bits] * (3 if pixels.ndim == 3 else 1))
    return data[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]


def tiff16(pixels: Samples, tags: dict[int, int] | None = None) -> bytes:
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in (tags or {}).items():
        directory[tag] = value
        directory.tagtype[tag] = 3
    return encoded(Image.fromarray(pixels), "TIFF", tiffinfo=directory)


def white_is_zero(pixels: Samples) -> bytes:
    """The same picture in the photometric interpretation in which zero is white."""
    data = bytearray(tiff16(np.uint16(65535) - pixels))
    tag = data.index(struct.pack("<HHIH", 262, 3, 1, 1))
    data[tag + 8 : tag + 10] = struct.pack("<H", 0)
    return bytes(data)


def transparent(kind: str = "PNG") -> bytes:
    """A black shape in the middle of a picture that is transparent black around it."""
    picture = np.zeros((64, 64, 4), np.uint8)
    picture[16:48, 16:48, 3] = 255
    data = io.BytesIO()
    Image.fromarray(picture).save(data, kind, lossless=True)
    return data.getvalue()
