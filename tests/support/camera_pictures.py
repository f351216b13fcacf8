"""Pictures that tests make: one scene in every format, and durations to break them."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image


def scene(width: int = 160, height: int = 120, *, seed: int = 0) -> Image.Image:
    """Something with edges and shades, in colour."""
    ys, xs = np.mgrid[0:height, 0:width]
    rng = np.random.default_rng(seed)
    base = 127 + 80 * np.sin(xs / 7 + seed) * np.cos(ys / 5) + rng.normal(0, 4, (height, width))
    colours = np.stack([base, base[::-1], base[:, ::-1]], axis=-1)
    return Image.fromarray(colours.clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def sixteen_bit(image: Image.Image) -> Image.Image:
    """The same picture in grey, 16 bits deep."""
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


def every_format() -> dict[str, bytes]:
    """The same scene in every way a camera may send it."""
    rgb = scene()
    grey = rgb.convert("L")
    return {
        "jpeg": encoded(rgb, "JPEG", quality=90),
        "jpeg grey": encoded(grey, "JPEG", quality=90),
        "jpeg progressive": encoded(rgb, "JPEG", quality=90, progressive=True),
        "jpeg cmyk": encoded(rgb.convert("CMYK"), "JPEG", quality=90),
        "png": encoded(rgb, "PNG"),
        "png grey": encoded(grey, "PNG"),
        "png alpha": encoded(rgb.convert("RGBA"), "PNG"),
        "png palette": encoded(rgb.quantize(256), "PNG"),
        "png 16 bit": encoded(sixteen_bit(rgb), "PNG"),
        "bmp": encoded(rgb, "BMP"),
        "bmp palette": encoded(rgb.quantize(256), "BMP"),
        "tiff": encoded(rgb, "TIFF"),
        "tiff lzw": encoded(rgb, "TIFF", compression="tiff_lzw"),
        "tiff 16 bit": encoded(sixteen_bit(rgb), "TIFF"),
        "tiff cmyk": encoded(rgb.convert("CMYK"), "TIFF"),
        "webp": encoded(rgb, "WEBP", quality=95),
        "webp lossless": encoded(rgb, "WEBP", lossless=True),
        "webp alpha": encoded(rgb.convert("RGBA"), "WEBP", lossless=True),
    }


def two_pictures() -> dict[str, bytes]:
    """Files that hold more than one picture."""
    images = [scene(64, 64, seed=seed) for seed in (1, 2)]
    return {
        "animated png": encoded(images[0], "PNG", save_all=True, append_images=images[1:]),
        "animated webp": encoded(images[0], "WEBP", save_all=True, append_images=images[1:]),
        "two-page tiff": encoded(images[0], "TIFF", save_all=True, append_images=images[1:]),
        "stereo jpeg": encoded(images[0], "MPO", save_all=True, append_images=images[1:]),
    }


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds hardly anything."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(bytes(64))) + _chunk(b"IEND")


def jpeg_of_size(width: int, height: int) -> bytes:
    """A JPEG whose header claims another size."""
    data = bytearray(encoded(scene(32, 32), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def bmp_of_size(width: int, height: int) -> bytes:
    data = bytearray(encoded(scene(32, 32), "BMP"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def tiff_of_size(width: int, height: int) -> bytes:
    data = encoded(scene(32, 32), "TIFF", compression="tiff_deflate")
    for tag, old, new in ((256, 32, width), (257, 32, height)):
        for kind in (struct.pack("<HHIHH", tag, 3, 1, old, 0), struct.pack("<HHII", tag, 4, 1, old)):
            data = data.replace(kind, struct.pack("<HHII", tag, 4, 1, new))
    return data


def webp_of_size(width: int, height: int) -> bytes:
    data = bytearray(encoded(scene(32, 32).convert("RGBA"), "WEBP", lossless=True, exif=b"Exif\0\0MM\0*"))
    assert data[12:16] == b"VP8X"
    data[24:27], data[27:30] = (width - 1).to_bytes(3, "little"), (height - 1).to_bytes(3, "little")
    return bytes(data)


def many_scans() -> bytes:
    """A progressive JPEG whose last scan is repeated: cheap to send, dear to decode."""
    data = encoded(scene(64, 64), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 200 + data[-2:]


def _chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
