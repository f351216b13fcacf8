"""Only warnings that mean lost pixels count."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.camera_pictures import encoded, scene
from support.jpeg_damage import END, PROGRESSIVE, RESTARTS, WHOLE, damaged, sound

from inspector.adapters.pictures import decode_rgb, opened
from inspector.adapters.pictures.jpeg_pixels import refuse_damaged_jpeg
from inspector.errors import PictureError

KINDS = {"baseline": WHOLE, "progressive": PROGRESSIVE, "restart markers": RESTARTS}


@pytest.mark.parametrize("kind", damaged())
def test_lost_pixels_are_refused(kind: str) -> None:
    with pytest.raises(PictureError, match=r"the JPEG is damaged or cut off: .*; check the transfer"):
        refuse_damaged_jpeg(damaged()[kind])


@pytest.mark.parametrize("kind", sound())
def test_a_picture_that_only_looks_odd_is_decoded(kind: str) -> None:
    refuse_damaged_jpeg(sound()[kind])
    with opened(sound()[kind]) as picture:
        assert picture.grey(1, 1).size


@pytest.mark.parametrize("kind", KINDS)
def test_grey_is_what_pillow_decodes(kind: str) -> None:
    with opened(KINDS[kind]) as picture:
        assert np.array_equal(picture.grey(320, 240), np.asarray(_draft(KINDS[kind], (320, 240))))
        assert np.array_equal(picture.grey(100, 50), np.asarray(_draft(KINDS[kind], (100, 50))))


def _draft(data: bytes, size: tuple[int, int]) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.draft("L", size)
    return image


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.integers(0, 2**32), st.booleans())
def test_a_cut_at_any_place_is_found(kind: str, place: int, is_closed: bool) -> None:
    data = KINDS[kind]
    cut = data[: 3 + place % (len(data) - 5)]
    with pytest.raises(PictureError):
        decode_rgb(cut + (END if is_closed else b""))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(8, 90),
    st.integers(8, 90),
    st.integers(1, 100),
    st.sampled_from(["RGB", "L", "CMYK"]),
    st.booleans(),
    st.sampled_from([0, 1]),
)
def test_what_an_encoder_writes_is_decoded(
    width: int, height: int, quality: int, mode: str, progressive: bool, rows: int
) -> None:
    image = scene(width, height).convert(mode)
    data = encoded(image, "JPEG", quality=quality, progressive=progressive, restart_marker_rows=rows)
    assert decode_rgb(data).size == (width, height)


@pytest.mark.parametrize(
    ("marker", "bits", "name"),
    [
        (0xC1, 12, "12-bit JPEG"),
        (0xC3, 8, "lossless JPEG"),
        (0xC9, 8, "arithmetic-coded JPEG"),
        (0xC5, 8, "hierarchical JPEG"),
        (0xF7, 8, "JPEG-LS JPEG"),
    ],
)
def test_sound_but_unsupported_encodings_are_named(marker: int, bits: int, name: str) -> None:
    frame = WHOLE.index(b"\xff\xc0")
    data = WHOLE[: frame + 1] + bytes([marker]) + WHOLE[frame + 2 : frame + 4] + bytes([bits]) + WHOLE[frame + 5 :]
    with pytest.raises(PictureError, match=f"{name} is not supported; send 8-bit baseline"):
        decode_rgb(data)


def test_costs_are_counted_inside_the_picture_only() -> None:
    last = PROGRESSIVE.rindex(b"\xff\xda")
    with pytest.raises(PictureError, match="more than 100 scans"):
        decode_rgb(PROGRESSIVE[:last] + PROGRESSIVE[last:-2] * 100 + END)
    assert decode_rgb(WHOLE + b"\xff\xda\x00\x02" * 1000).size == (320, 240)


def test_endless_segments_are_refused() -> None:
    with pytest.raises(PictureError, match="more than 4,096 segments"):
        decode_rgb(WHOLE[:2] + b"\xff\xfe\x00\x02" * 5000 + WHOLE[2:])
