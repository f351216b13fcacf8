"""The region of a camera is cut out of the upright picture, alike for measurements and for the model."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from inspector.adapters.camera import CameraPictureReader
from inspector.adapters.pictures import EXIF_ORIENTATION, decode_rgb
from inspector.adapters.pictures.decode import region_px
from inspector.domain.cameras import Region
from inspector.domain.frame import Frame, FrameKey
from inspector.domain.pipeline import PictureSettings, Quality
from inspector.errors import PictureError
from inspector.utc import utc_now

LOWER_RIGHT: Region = (0.5, 0.5, 1.0, 1.0)
PLAIN = PictureSettings()


def quarters(orientation: int = 1, side: int = 400) -> bytes:
    """A JPEG whose upright picture is black but for a white lower right quarter, stored in this EXIF orientation."""
    upright = np.zeros((side, 2 * side), np.uint8)
    upright[side // 2 :, side:] = 255
    back = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    turn, image = back[orientation], Image.fromarray(upright)
    stored, exif, data = image.transpose(turn) if turn is not None else image, Image.Exif(), io.BytesIO()
    exif[EXIF_ORIENTATION] = orientation
    stored.save(data, "JPEG", quality=95, exif=exif)
    return data.getvalue()


def a_frame(picture: bytes) -> Frame:
    return Frame(FrameKey("pcb", "cam1", "t-1"), picture, utc_now())


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("side", [100, 400, 2000])
def test_region_of_a_turned_picture_is_what_a_person_sees(orientation: int, side: int) -> None:
    picture = quarters(orientation, side)
    shown = decode_rgb(picture, region=LOWER_RIGHT)
    assert shown.size == (side, side // 2)
    assert np.asarray(shown).mean() > 250
    measured = CameraPictureReader().measure(a_frame(picture), Quality(), PLAIN, LOWER_RIGHT)
    assert measured.luminance > 0.98
    assert {measured.width_px, measured.height_px} == {side, 2 * side}, "the stored picture is the whole one"


def test_quality_sees_nothing_outside_the_region() -> None:
    upper_left = CameraPictureReader().measure(a_frame(quarters()), Quality(), PLAIN, (0.0, 0.0, 0.4, 0.4))
    assert (upper_left.luminance, upper_left.sharpness) == (0.0, 0.0)


def test_region_that_is_too_small_is_refused_by_its_own_size() -> None:
    with pytest.raises(PictureError, match=r"region of the picture is 80x40 px; quality\.min_side_px asks for 64"):
        CameraPictureReader().measure(a_frame(quarters()), Quality(min_side_px=64), PLAIN, (0.9, 0.9, 1.0, 1.0))


def test_region_has_a_pixel_at_least_and_stays_in_the_picture() -> None:
    assert region_px((10, 10), (0.0, 0.0, 0.001, 0.001)) == (0, 0, 1, 1)
    assert region_px((10, 10), (0.999, 0.999, 1.0, 1.0)) == (9, 9, 10, 10)
    assert region_px((640, 480), (0.0, 0.0, 1.0, 1.0)) == (0, 0, 640, 480)
