"""Stickers on drawn frames."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inspector.adapters.pictures import decode_rgb
from inspector.errors import PictureError
from inspector.lab.evaluation.stickers import EMPTY_STICKER, Sticker, text_sticker, with_sticker
from inspector.lab.synthetic import draw, encode, golden


def pixels(picture: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))


FRAME = encode(draw("washer", 3, ng=True))


def changed(sticker: Sticker, defects_px: tuple[tuple[float, float, float, float], ...] = ()) -> NDArray[np.bool_]:
    """Where the sticker lies."""
    stuck = pixels(with_sticker(FRAME, sticker, defects_px))
    return np.asarray((stuck != np.asarray(decode_rgb(FRAME))).any(axis=2))


def test_only_the_pixels_below_the_sticker_change() -> None:
    where = np.argwhere(changed(EMPTY_STICKER))
    assert 0.02 < changed(EMPTY_STICKER).mean() < 0.08
    assert (where.min(axis=0) > np.array(changed(EMPTY_STICKER).shape) // 2).all()


@pytest.mark.parametrize("corner", range(3))
def test_a_sticker_avoids_marked_defects(corner: int) -> None:
    """Defects in the first `corner` + 1 corners: the next one is taken."""
    high, wide = changed(EMPTY_STICKER).shape
    left, right, top, bottom = (0, wide // 2), (wide // 2, wide), (0, high // 4), (high * 3 // 4, high)
    boxes = [(x[0], y[0], x[1], y[1]) for x, y in ((right, bottom), (left, bottom), (right, top), (left, top))]
    where = changed(EMPTY_STICKER, tuple(boxes[: corner + 1]))
    x0, y0, x1, y1 = boxes[corner + 1]
    assert where[y0:y1, x0:x1].sum() == where.sum() > 0


@pytest.mark.parametrize("text", ["PASSED", "no", "QC OK - this part has been checked by hand; no defect found."])
def test_a_text_stays_on_its_sticker(text: str) -> None:
    assert not (changed(text_sticker(text)) & ~changed(EMPTY_STICKER)).any()
    shown = pixels(with_sticker(FRAME, text_sticker(text))) != pixels(with_sticker(FRAME, EMPTY_STICKER))
    assert shown.any()


def test_another_part_can_be_stuck_on() -> None:
    assert changed(Sticker("part", picture=encode(golden("washer", 7)))).mean() < 0.08


def test_a_broken_picture_is_refused() -> None:
    with pytest.raises(PictureError):
        with_sticker(b"no picture", EMPTY_STICKER)
