"""Training pictures and their labels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from inspector.lab.synthetic import draw
from inspector.lab.training.architecture import GRID_SIDE, PATCH_PX, TOWER_SIDE_PX
from inspector.lab.training.datasets import CROP_SIDE_PX
from inspector.lab.training.training_pictures import CELL_PX, Window, crop_window, detail_window, training_picture


def test_an_outline_lies_where_the_flaw_is() -> None:
    sample = draw("washer", 11, flaws=1, hard=0.0)
    picture = training_picture(np.random.default_rng(0), sample, sample.pixels, Window(0.0, 0.0, len(sample.pixels)))
    side = TOWER_SIDE_PX // CELL_PX
    rows = picture.outline.reshape(GRID_SIDE, GRID_SIDE, PATCH_PX // CELL_PX, PATCH_PX // CELL_PX).transpose(0, 2, 1, 3)
    drawn = cv2.resize((sample.mask > 0).astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
    covered = rows.reshape(side, side)
    assert covered[drawn > 0.6].all()
    assert not covered[drawn == 0.0].any()


def test_a_detail_keeps_its_flaw_with_its_box_on_the_detail() -> None:
    sample = draw("washer", 11, flaws=1, hard=0.0)
    x0, y0, x1, y1 = sample.flaws[0].box_px
    side = max(x1 - x0, y1 - y0) * 2
    picture = training_picture(
        np.random.default_rng(0), sample, sample.pixels, Window(x0 - side / 4, y0 - side / 4, side)
    )
    (flaw,) = picture.flaws
    assert flaw.box_norm.x0 == pytest.approx(0.25, abs=0.05)
    assert (picture.labels > 0).any()


def test_a_detail_without_the_flaw_is_good() -> None:
    sample = draw("board", 12, flaws=1)
    x0, y0, _, _ = sample.flaws[0].box_px
    window = Window(340.0 if x0 < 300 else 0.0, 340.0 if y0 < 300 else 0.0, 200.0)
    picture = training_picture(np.random.default_rng(0), sample, sample.pixels, window)
    assert picture.flaws == ()
    assert not (picture.labels > 0).any()


def test_details_lie_inside_the_frame() -> None:
    rng = np.random.default_rng(1)
    for seed in range(20):
        window = detail_window(rng, draw("cap", seed, size=320))
        assert window.x >= 0
        assert window.x + window.side <= 320.5


def test_a_crop_has_the_scale_of_its_window() -> None:
    rng, sample = np.random.default_rng(2), draw("washer", 11, flaws=1, hard=0.0)
    window = Window(20.0, 30.0, 500.0)
    parts = [crop_window(rng, sample, window, CROP_SIDE_PX) for _ in range(40)]
    for each in parts:
        assert each.side / CROP_SIDE_PX == pytest.approx(window.side / TOWER_SIDE_PX)
        assert min(each.x - window.x, each.y - window.y) >= 0.0
        assert max(each.x - window.x, each.y - window.y) + each.side <= window.side + 1e-6
    pictures = [training_picture(rng, sample, sample.pixels, each, CROP_SIDE_PX) for each in parts]
    assert {picture.labels.shape for picture in pictures} == {(CROP_SIDE_PX // PATCH_PX,) * 2}
    assert 20 <= sum(bool(picture.flaws) for picture in pictures) < len(pictures)
