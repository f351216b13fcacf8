"""From encoded pictures to patches."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.tiny_model import card, lamp
from transformers import Qwen2VLImageProcessorPil

from inspector.adapters.pictures import decode_rgb
from inspector.adapters.vlm.transformers.images import MIN_DETAIL_PX, ImagePreparer, crop_window
from inspector.domain.model_card import ModelCard
from inspector.domain.report import WHOLE_FRAME, Box
from inspector.errors import PictureError
from inspector.ports.engine import Picture

SHARES = st.floats(0.0, 1.0)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def optics(chosen: ModelCard) -> ImagePreparer:
    return ImagePreparer(Qwen2VLImageProcessorPil(patch_size=16, merge_size=2), chosen)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_every_picture_format_becomes_rgb(kind: str, mode: str) -> None:
    image = decode_rgb(encoded(Image.new("RGB", (40, 30), (200, 200, 200)).convert(mode), kind))
    assert (image.mode, image.size) == ("RGB", (40, 30))
    assert np.asarray(image).mean() == pytest.approx(200, abs=2)


def test_sixteen_bit_grey_keeps_its_brightness() -> None:
    deep = Image.fromarray(np.full((8, 8), 0x8000, dtype=np.uint16))
    assert np.asarray(decode_rgb(encoded(deep))).tolist() == [[[128] * 3] * 8] * 8


def test_a_picture_taken_sideways_is_turned_upright() -> None:
    sideways = Image.new("RGB", (40, 20))
    exif = sideways.getexif()
    exif[0x0112] = 6
    assert decode_rgb(encoded(sideways, "JPEG", exif=exif)).size == (20, 40)


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF", b"\x89PNG\r\n\x1a\n", encoded(Image.new("RGB", (64, 64)), "JPEG")[:-200]],
    ids=["empty", "three bytes", "only a signature", "truncated"],
)
def test_unreadable_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PictureError, match=r"empty|not a picture|damaged or cut off"):
        decode_rgb(data)


def test_a_picture_bomb_is_refused_before_it_is_unpacked() -> None:
    with pytest.raises(PictureError, match="the PNG has too many pixels"):
        decode_rgb(encoded(Image.new("1", (12_000, 12_000))))


def test_a_ribbon_is_refused() -> None:
    with pytest.raises(PictureError, match="3000 x 10 pixels can't be resized"):
        optics(card()).patches([Picture(encoded(Image.new("L", (3000, 10))))])


def test_pictures_are_resized_into_the_cards_budget() -> None:
    seen = optics(card()).patches([lamp(0.5, (640, 480)), lamp(0.5, (32, 32))])
    assert seen.tokens == (2, 4)
    assert seen.pixels.shape[0] == 4 * sum(seen.tokens)
    assert seen.grid.tolist() == [[1, 2, 4], [1, 4, 4]]


def test_a_zoom_has_a_budget_of_its_own() -> None:
    zooming = card(zoom_pixels={"min": 16_384, "max": 16_384})
    whole, crop = lamp(0.5, (400, 400)), Box(0.4, 0.4, 0.6, 0.6)
    assert optics(zooming).patches([whole, Picture(whole.data, crop)]).tokens == (4, 16)


def test_a_zoom_tells_which_part_of_the_picture_it_shows() -> None:
    whole, crop = lamp(0.5, (400, 200)), Box(0.5, 0.5, 0.6, 0.7)
    zooming = optics(card(zoom_pixels={"min": 10_000, "max": 10_000}))
    assert zooming.patches([whole]).window == WHOLE_FRAME
    assert zooming.patches([whole, Picture(whole.data, crop)]).window == Box(190 / 400, 90 / 200, 250 / 400, 150 / 200)


def test_a_detail_is_enlarged_to_the_budget() -> None:
    whole, crop = lamp(0.5, (400, 400)), Box(0.4, 0.4, 0.6, 0.6)
    zooming = optics(card(zoom_pixels={"min": 1_024, "max": 57_600}))
    assert zooming.patches([Picture(whole.data, crop)]).scale == pytest.approx(240 / 120, rel=0.1)
    assert zooming.patches([Picture(whole.data, WHOLE_FRAME)]).scale == pytest.approx(240 / 400, rel=0.1)


def test_a_detail_shows_half_as_much_again_as_the_region() -> None:
    assert crop_window((1000, 800), Box(0.4, 0.4, 0.6, 0.65)) == (350, 270, 650, 570)


def test_a_tiny_region_shows_a_token_of_its_surroundings() -> None:
    assert crop_window((1000, 800), Box(0.5, 0.5, 0.501, 0.501)) == (484, 384, 516, 416)


def test_a_long_region_is_at_most_four_times_as_long_as_wide() -> None:
    left, top, right, bottom = crop_window((1000, 800), Box(0.1, 0.5, 0.5, 0.51))
    assert (right - left, bottom - top) == (600, 150)


def test_a_detail_at_the_edge_lies_inside() -> None:
    assert crop_window((1000, 800), Box(0.0, 0.9, 0.1, 1.0)) == (0, 680, 150, 800)


def test_a_detail_of_a_small_picture_is_the_picture() -> None:
    assert crop_window((20, 10), Box(0.2, 0.2, 0.3, 0.3)) == (0, 0, 20, 10)


@given(SHARES, SHARES, SHARES, SHARES, st.integers(1, 3000), st.integers(1, 3000))
def test_a_crop_lies_in_the_picture_and_holds_the_box(
    x0: float, x1: float, y0: float, y1: float, width: int, height: int
) -> None:
    box = Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    left, top, right, bottom = crop_window((width, height), box)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert left - 1 <= box.x0 * width
    assert box.x1 * width <= right + 1
    assert right - left >= min(MIN_DETAIL_PX, width)
    assert top - 1 <= box.y0 * height
    assert box.y1 * height <= bottom + 1
