"""The rules for pictures that are too poor to be judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.pipeline import Quality
from inspector.domain.quality import Measurements, quality_fault, size_fault

GOOD = Measurements(640, 480, sharpness=100.0, luminance=0.5, change=0.1)
RULES = Quality(min_sharpness=80.0, luminance=(0.1, 0.9), min_change=0.001, min_side_px=320)


def test_a_good_picture_is_fit() -> None:
    assert quality_fault(GOOD, RULES) is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"width_px": 319}, ("319x480", "min_side_px", "320")),
        ({"height_px": 1}, ("640x1", "min_side_px")),
        ({"luminance": 0.05}, ("too dark", "0.050", "quality.luminance", "lamp")),
        ({"luminance": 0.95}, ("too bright", "quality.luminance", "exposure")),
        ({"sharpness": 79.9}, ("blurred", "79.9", "quality.min_sharpness", "focus")),
        ({"change": 0.0}, ("same picture", "quality.min_change", "frozen")),
    ],
)
def test_the_reason_names_setting_and_remedy(changed: dict[str, Any], words: tuple[str, ...]) -> None:
    reason = quality_fault(replace(GOOD, **changed), RULES)
    assert reason is not None
    assert all(word in reason for word in words), reason


def test_bounds_themselves_are_fit() -> None:
    edge = Measurements(320, 320, sharpness=80.0, luminance=0.1, change=0.001)
    assert quality_fault(edge, RULES) is None
    assert quality_fault(replace(edge, luminance=0.9), RULES) is None


def test_the_first_frame_of_a_camera_is_no_frozen_one() -> None:
    assert quality_fault(replace(GOOD, change=None), RULES) is None


def test_a_frozen_camera_is_only_looked_for_when_asked() -> None:
    assert quality_fault(replace(GOOD, change=0.0), Quality()) is None


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_what_is_too_small_is_unfit(width: int, height: int) -> None:
    reason = size_fault(width, height, RULES)
    assert (reason is not None) == (min(width, height) < 320)
    if reason:
        assert quality_fault(replace(GOOD, width_px=width, height_px=height), RULES) == reason
