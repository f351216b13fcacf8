"""lite0: the pinned weights, the shapes of its maps, and what it says where something is missing."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inspector.adapters.backbones import is_installed, load_backbone
from inspector.adapters.backbones.pixels import MIN_SIDE_STRIDES, scaled_pixels
from inspector.errors import ModelError, PictureError
from inspector.ports.backbone import Backbone
from inspector.ports.engine import Picture

AREA_PX = 128 * 128


def picture(width: int, height: int, spot: bool = False) -> Picture:
    pixels = np.full((height, width, 3), 120, np.uint8)
    pixels[::8] = 140
    if spot:
        pixels[height // 2 : height // 2 + 20, width // 4 : width // 4 + 20] = 0
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return Picture(file.getvalue())


@pytest.fixture(scope="module")
def lite0() -> Backbone:
    if not is_installed("lite0"):
        pytest.skip("the extra backbones is not installed")
    return load_backbone("lite0")


def test_maps_have_strides_of_eight_and_sixteen(lite0: Backbone) -> None:
    maps = lite0.maps(picture(300, 300))
    assert maps["lite0/8"].shape == (56, 56, 40)
    assert maps["lite0/16"].shape == (28, 28, 112)
    assert np.array_equal(maps["lite0/16"], lite0.maps(picture(300, 300))["lite0/16"])


def test_features_differ_where_the_picture_does(lite0: Backbone) -> None:
    good, odd = (lite0.maps(picture(300, 300, spot))["lite0/8"].astype(float) for spot in (False, True))
    row, column = np.unravel_index(np.abs(good - odd).sum(axis=2).argmax(), (56, 56))
    assert 25 <= row <= 33
    assert 12 <= column <= 20


def test_an_unreadable_picture_is_refused(lite0: Backbone) -> None:
    with pytest.raises(PictureError):
        lite0.maps(Picture(picture(300, 300).data[:200]))


def test_other_weights_are_refused_before_they_are_unpickled(lite0: Backbone, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(ModelError, match=r"other weights than version 0\.1\.0"):
        type(lite0).load(file)  # type: ignore[attr-defined]


def test_an_unknown_backbone_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no backbone 'resnet'"):
        load_backbone("resnet")
    with pytest.raises(ModelError, match=r"config\.json"):
        load_backbone(str(tmp_path))


@pytest.mark.parametrize(("width", "height"), [(300, 300), (1540, 645), (64, 40), (4000, 20), (20, 4000)])
def test_scaled_sides_are_multiples_of_the_stride_and_bounded(width: int, height: int) -> None:
    rows, columns, _ = scaled_pixels(picture(width, height), AREA_PX, 16).shape
    assert rows % 16 == columns % 16 == 0
    assert min(rows, columns) >= MIN_SIDE_STRIDES * 16
    assert rows * columns <= 1.2 * AREA_PX
