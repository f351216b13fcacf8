"""Damage in every format: cut at any place, closed as a gateway would, or changed where a checksum shows it."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.camera_pictures import encoded, every_format, scene

from inspector.adapters.pictures import decode_rgb, opened
from inspector.errors import PictureError

FORMATS = every_format() | {
    "tiff deflate": encoded(scene(), "TIFF", compression="tiff_adobe_deflate"),
    "tiff jpeg": encoded(scene(), "TIFF", compression="jpeg"),
    "tiff packbits": encoded(scene(), "TIFF", compression="packbits"),
}
PNG = FORMATS["png"]


def is_refused(data: bytes) -> bool:
    """Whether engine and station both refuse the picture."""
    return _refused_by_engine(data) and _refused_by_station(data)


def _refused_by_engine(data: bytes) -> bool:
    try:
        decode_rgb(data)
    except PictureError:
        return True
    return False


def _refused_by_station(data: bytes) -> bool:
    try:
        with opened(data) as picture:
            picture.grey(8, 8)
    except PictureError:
        return True
    return False


@pytest.mark.parametrize("kind", FORMATS)
def test_a_whole_picture_is_decoded(kind: str) -> None:
    assert not _refused_by_engine(FORMATS[kind])
    assert not _refused_by_station(FORMATS[kind])


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.integers(0, 2**32))
def test_a_cut_at_any_place_is_found(kind: str, place: int) -> None:
    data = FORMATS[kind]
    assert is_refused(data[: place % (_pixels_end(data) - 1)])


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["webp", "webp lossless"]), st.integers(0, 2**32))
def test_a_webp_that_was_cut_and_closed_is_found(kind: str, place: int) -> None:
    """A gateway corrects the lengths: the decoder then runs out of data."""
    data = FORMATS[kind]
    cut = data[: 60 + place % (len(data) - 140)]
    cut += bytes(len(cut) % 2)
    closed = cut[:4] + struct.pack("<I", len(cut) - 8) + cut[8:16] + struct.pack("<I", len(cut) - 20) + cut[20:]
    assert is_refused(closed)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 255))
def test_a_changed_byte_of_a_png_is_found(place: int, change: int) -> None:
    pixels = PNG.index(b"IDAT") + 4
    at = pixels + place % (len(PNG) - 16 - pixels)
    assert is_refused(PNG[:at] + bytes([PNG[at] ^ change]) + PNG[at + 1 :])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 255))
def test_a_changed_byte_of_a_deflated_tiff_is_found(place: int, change: int) -> None:
    data = FORMATS["tiff deflate"]
    with Image.open(io.BytesIO(data)) as image:
        [offset, *_], [count, *_] = image.tag_v2[273], image.tag_v2[279]  # type: ignore[attr-defined]
    at = offset + place % count
    assert is_refused(data[:at] + bytes([data[at] ^ change]) + data[at + 1 :])


def test_a_png_that_was_cut_and_closed_is_found() -> None:
    start = PNG.index(b"IDAT") - 4
    pixels = PNG[start + 8 : -16][: (len(PNG) - start) // 2]
    chunk = struct.pack(">I", len(pixels)) + b"IDAT" + pixels + struct.pack(">I", zlib.crc32(b"IDAT" + pixels))
    assert is_refused(PNG[:start] + chunk + PNG[-12:])


@pytest.mark.parametrize("behind", [bytes(1000), PNG, b"\xff\xda" * 200])
def test_bytes_behind_a_png_change_nothing(behind: bytes) -> None:
    assert decode_rgb(PNG + behind).size == (160, 120)


def test_a_compression_that_hides_damage_is_named() -> None:
    fax = encoded(scene().convert("1"), "TIFF", compression="group4")
    with pytest.raises(PictureError, match="TIFF compression 4 is not supported"):
        decode_rgb(fax)


def _pixels_end(data: bytes) -> int:
    """Return where the pixels end: a TIFF may carry other tags and padding behind them."""
    if data[:2] != b"II":
        return len(data)
    with Image.open(io.BytesIO(data)) as image:
        tags = image.tag_v2  # type: ignore[attr-defined]
        ends: list[int] = [offset + count for offset, count in zip(tags[273], tags[279], strict=True)]
        return max(ends)
