"""JPEGs that lost pixels, and JPEGs that only look odd: one for each kind of warning that libjpeg gives."""

from __future__ import annotations

import struct

from support.camera_pictures import encoded, scene

END = b"\xff\xd9"
WHOLE = encoded(scene(320, 240), "JPEG", quality=85)
PROGRESSIVE = encoded(scene(320, 240), "JPEG", quality=85, progressive=True)
RESTARTS = encoded(scene(320, 240), "JPEG", quality=85, restart_marker_rows=1)


def segment(marker: int, parameters: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(parameters) + 2) + parameters


def damaged() -> dict[str, bytes]:
    """JPEGs with lost pixels, by the warning that they cause."""
    scan = WHOLE.index(b"\xff\xda") + 14
    second_restart = RESTARTS.index(b"\xff\xd2")
    third_restart = RESTARTS.index(b"\xff\xd3")
    return {
        "premature end of data segment": WHOLE[: len(WHOLE) // 2] + END,
        "premature end, progressive": PROGRESSIVE[: len(PROGRESSIVE) // 2] + END,
        "bad Huffman code": WHOLE[: scan + 500] + b"\xff\0" * 20 + WHOLE[scan + 540 :],
        "extraneous bytes before marker": WHOLE[:-2] + WHOLE[scan : scan + 200].rstrip(b"\xff") + END,
        "restart interval lost": RESTARTS[:second_restart] + RESTARTS[third_restart:],
        "all scans after the first lost": PROGRESSIVE[: _second_scan(PROGRESSIVE)] + END,
        "last scan lost": PROGRESSIVE[: PROGRESSIVE.rindex(b"\xff\xda")] + END,
        "no end marker": WHOLE[:-2],
        "next picture begins inside": WHOLE[: len(WHOLE) // 2] + WHOLE,
    }


def sound() -> dict[str, bytes]:
    """JPEGs with all pixels, by what is odd about them."""
    adobe = segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 5))
    profile = segment(0xE2, b"ICC_PROFILE\0" + bytes([9, 2]) + b"broken")
    scan = WHOLE.index(b"\xff\xda")
    return {
        "as encoded": WHOLE,
        "progressive": PROGRESSIVE,
        "restart markers": RESTARTS,
        "grey": encoded(scene(320, 240).convert("L"), "JPEG"),
        "optimised": encoded(scene(320, 240), "JPEG", optimize=True, quality=40),
        "best quality": encoded(scene(320, 240), "JPEG", quality=100, subsampling=0),
        "unknown JFIF revision": WHOLE.replace(b"JFIF\0\1", b"JFIF\0\7", 1),
        "unknown Adobe transform": WHOLE[:2] + adobe + WHOLE[2:],
        "damaged colour profile": WHOLE[:2] + profile + WHOLE[2:],
        "scan without spectral selection": WHOLE[: scan + 11] + bytes(3) + WHOLE[scan + 14 :],
        "zeros before the end marker": WHOLE[:-2] + bytes(12) + END,
        "fill bytes before the end marker": WHOLE[:-2] + b"\xff" * 30 + END,
        "zeros behind the end marker": WHOLE + bytes(5000),
        "scan markers behind the end marker": WHOLE + b"\xff\xda" * 101,
        "another picture behind the end marker": WHOLE + WHOLE,
    }


def _second_scan(data: bytes) -> int:
    return data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
