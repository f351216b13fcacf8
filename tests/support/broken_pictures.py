"""Pictures as broken or hostile as a camera, a network or a stranger can make them, all made here."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image
from support.camera_pictures import (
    bmp_of_size,
    encoded,
    every_format,
    jpeg_of_size,
    many_scans,
    png_of_size,
    scene,
    tiff_of_size,
    two_pictures,
    webp_of_size,
)

CUTS = 16
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def corpus() -> dict[str, bytes]:
    """Every picture by what is wrong with it."""
    return {
        "no bytes": b"",
        "one byte": b"\xff",
        "zeros": bytes(1000),
        **dict(_cut()),
        **dict(_flipped()),
        **dict(_of_pngs()),
        **dict(_of_jpegs()),
        **dict(_of_tiffs_and_bmps()),
        **{f"several: {kind}": data for kind, data in two_pictures().items()},
        **dict(_too_large()),
    }


def largest(side: int) -> dict[str, bytes]:
    """Pictures of side x side pixels in every way that costs memory; most of them are small as files."""
    flat = Image.new("RGB", (side, side), (90, 90, 90))
    grey = flat.convert("L")
    return {
        "png": encoded(flat, "PNG"),
        "png 1 bit": encoded(flat.convert("1"), "PNG"),
        "png palette": encoded(flat.quantize(256), "PNG"),
        "png alpha": encoded(flat.convert("RGBA"), "PNG"),
        "png 16 bit": encoded(Image.fromarray(np.full((side, side), 30_000, np.uint16)), "PNG"),
        "jpeg": encoded(flat, "JPEG"),
        "jpeg progressive": encoded(flat, "JPEG", progressive=True),
        "jpeg cmyk": encoded(flat.convert("CMYK"), "JPEG"),
        "bmp": encoded(grey, "BMP"),
        "tiff lzw": encoded(flat, "TIFF", compression="tiff_lzw"),
        "tiff 16 bit": encoded(Image.fromarray(np.full((side, side), 30_000, np.uint16)), "TIFF"),
        "webp": encoded(flat, "WEBP"),
        "webp alpha": encoded(flat.convert("RGBA"), "WEBP", lossless=True),
    }


def _cut() -> Iterator[tuple[str, bytes]]:
    """Cut off at many places, the last byte alone among them."""
    for kind, data in every_format().items():
        for at in sorted({*np.linspace(1, len(data) - 1, CUTS, dtype=int)}):
            yield f"{kind} cut at {at}", data[:at]


def _flipped() -> Iterator[tuple[str, bytes]]:
    for kind, data in every_format().items():
        for at in (20, len(data) // 2, len(data) - 20):
            yield f"{kind} with byte {at} flipped", data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def _of_pngs() -> Iterator[tuple[str, bytes]]:
    good = encoded(scene(64, 64), "PNG")
    header, rest = good[8:33], good[33:]
    yield "png with a wrong checksum", good[:29] + bytes(4) + rest
    yield "png with a wrong checksum of its pixels", good[:-16] + bytes(4) + good[-12:]
    for length in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF):
        yield f"png whose pixels claim {length} bytes", SIGNATURE + header + struct.pack(">I", length) + rest[4:]
    yield "png without pixels", SIGNATURE + header + _chunk(b"IEND")
    yield "png without an end", good[:-12]
    yield "png without a header", SIGNATURE + rest
    yield "png of no width", png_of_size(0, 10)
    for depth, colour in ((3, 2), (8, 5), (16, 3), (0, 0), (255, 255)):
        odd = struct.pack(">IIBBBBB", 64, 64, depth, colour, 0, 0, 0)
        yield f"png of depth {depth} and colour {colour}", SIGNATURE + _chunk(b"IHDR", odd) + rest
    bomb = _compressed_zeros(50)
    small = struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)
    yield (
        "png with too many pixels inside",
        SIGNATURE + _chunk(b"IHDR", small) + _chunk(b"IDAT", bomb) + _chunk(b"IEND"),
    )
    for kind, start in ((b"iCCP", b"profile\0\0"), (b"zTXt", b"Comment\0\0"), (b"iTXt", b"Comment\0\1\0\0\0")):
        inside = SIGNATURE + header + _chunk(kind, start + bomb) + rest
        yield f"png with a bomb in its {kind.decode()}", inside


def _of_jpegs() -> Iterator[tuple[str, bytes]]:
    good = encoded(scene(64, 64), "JPEG")
    frame, scan = good.index(b"\xff\xc0"), good.index(b"\xff\xda")
    for length in (0, 1, 2, 0xFFFF):
        yield (
            f"jpeg whose header claims {length} bytes",
            good[: frame + 2] + struct.pack(">H", length) + good[frame + 4 :],
        )
    yield "jpeg of no height", jpeg_of_size(64, 0)
    yield "jpeg of no width", jpeg_of_size(0, 64)
    for depth in (1, 12, 16):
        yield f"jpeg of {depth} bits", good[: frame + 4] + bytes([depth]) + good[frame + 5 :]
    for channels in (0, 2, 255):
        yield f"jpeg of {channels} channels", good[: frame + 9] + bytes([channels]) + good[frame + 10 :]
    yield "jpeg without a scan", good[:scan] + b"\xff\xd9"
    yield "jpeg without an end", good[:-2]
    yield "jpeg with nothing in its scan", good[: scan + 14] + b"\xff\xd9"
    yield "jpeg of endless scans", many_scans()
    yield "jpeg of markers", b"\xff\xd8" + b"\xff\xe1\x00\x02" * 10_000 + good[2:]
    yield "jpeg with a thumbnail of itself", good[:2] + b"\xff\xe1" + struct.pack(">H", 5000) + good[:4998] + good[2:]


def _of_tiffs_and_bmps() -> Iterator[tuple[str, bytes]]:
    tiff = encoded(scene(32, 32), "TIFF")
    yield "tiff that leads to itself", tiff[:4] + struct.pack("<I", 4) + tiff[8:]
    yield "tiff that leads nowhere", tiff[:4] + struct.pack("<I", 0xFFFFFFF0) + tiff[8:]
    yield "tiff of endless tags", b"II*\0" + struct.pack("<IH", 8, 0xFFFF) + bytes(2000)
    for tag in (273, 279, 258, 277, 259):
        at = tiff.find(struct.pack("<H", tag))
        yield f"tiff with a huge tag {tag}", tiff[: at + 4] + b"\xff" * 8 + tiff[at + 12 :]
    bmp = encoded(scene(32, 32), "BMP")
    for name, at, value in (("offset", 10, 2**31), ("header", 14, 2**31), ("packing", 30, 1), ("packing", 30, 9)):
        yield f"bmp with {name} {value}", bmp[:at] + struct.pack("<I", value) + bmp[at + 4 :]
    yield "bmp upside down for ever", bmp_of_size(32, -(2**31))


def _too_large() -> Iterator[tuple[str, bytes]]:
    for make in (png_of_size, jpeg_of_size, bmp_of_size, tiff_of_size):
        for size in ((9_000, 9_000), (65_000, 65_000)):
            yield f"{make.__name__} {size[0]}", make(*size)
    yield "webp canvas", webp_of_size(16_384, 16_384)


def _compressed_zeros(megabytes: int) -> bytes:
    """Made piece by piece: what makes a bomb must not cost what it does."""
    packer, zeros = zlib.compressobj(9), bytes(1_000_000)
    return b"".join(packer.compress(zeros) for _ in range(megabytes)) + packer.flush()


def _chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
