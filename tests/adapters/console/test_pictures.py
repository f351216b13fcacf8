"""Thumbnails are small, upright and keep their greys; unreadable bytes raise nothing."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from support.console_parts import a_picture

from inspector.adapters.console.pictures import media_type, thumbnail

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")


def opened(data: bytes, side: int) -> Image.Image:
    sent = thumbnail(data, side)
    assert sent is not None
    return Image.open(io.BytesIO(sent.data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "WEBP"])
def test_every_accepted_format_becomes_a_jpeg_within_the_side(kind: str) -> None:
    assert opened(a_picture(300, kind), 96).size == (96, 96)


def test_a_small_picture_is_not_enlarged() -> None:
    assert opened(a_picture(20, "PNG"), 160).size == (20, 20)


def test_a_16_bit_picture_keeps_its_greys() -> None:
    written = io.BytesIO()
    Image.new("I;16", (40, 40), 40000).save(written, "PNG")
    grey = opened(written.getvalue(), 40).convert("L").getpixel((20, 20))
    assert isinstance(grey, int | float)
    assert abs(grey - 40000 / 256) < 4


def test_a_picture_that_was_taken_sideways_is_turned_upright_as_the_model_sees_it() -> None:
    written, exif = io.BytesIO(), Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (60, 20)).save(written, "JPEG", exif=exif)
    assert opened(written.getvalue(), 60).size == (20, 60)


def test_a_picture_of_a_hundred_megapixels_is_refused_before_it_is_decoded() -> None:
    header = struct.pack(">IIBBBBB", 10_000, 10_000, 1, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    body = b"IDAT" + zlib.compress(bytes(1251 * 10_000))
    bomb += struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    assert thumbnail(bomb, 160) is None


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_pictures_never_raise(data: st.DataObject) -> None:
    whole = bytearray(a_picture(24, data.draw(st.sampled_from(["JPEG", "PNG", "BMP", "TIFF", "WEBP"]))))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=12)):
        whole[place] = data.draw(st.integers(0, 255))
    damaged = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    sent = thumbnail(damaged, 16)
    assert sent is None or sent.media_type == "image/jpeg"


@given(st.binary(max_size=64))
def test_only_known_signatures_are_called_a_picture(data: bytes) -> None:
    assert media_type(b"<html>" + data) == "application/octet-stream"
