"""Qwen's own package resizes as the image processor does, or is not used."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers import Qwen2VLImageProcessorPil

from inspector.adapters.vlm.transformers.qwen_resize import Resize, find_qwen_resize, processed
from inspector.domain.model_card import Pixels

PROCESSOR = Qwen2VLImageProcessorPil(patch_size=16, merge_size=2)
BUDGETS = (Pixels(min=16_384, max=65_536), Pixels(min=4_096, max=4_096), Pixels(min=262_144, max=589_824))


@pytest.fixture(scope="module")
def theirs() -> Iterator[Resize]:
    """The package beside a torchvision that is there by name only: it is read for videos."""
    pytest.importorskip("requests")
    before = set(sys.modules)
    transforms = ModuleType("torchvision.transforms")
    transforms.InterpolationMode = object  # type: ignore[attr-defined]
    torchvision, io = ModuleType("torchvision"), ModuleType("torchvision.io")
    torchvision.io, torchvision.transforms = io, transforms  # type: ignore[attr-defined]
    sys.modules |= {each.__name__: each for each in (torchvision, io, transforms)}
    found = find_qwen_resize(PROCESSOR)
    assert found is not None
    yield found
    for name in set(sys.modules) - before:
        if name.startswith(("torchvision", "qwen_vl_utils")):
            del sys.modules[name]


def drawn(width: int, height: int, seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("budget", BUDGETS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(width=st.integers(32, 900), height=st.integers(32, 900), seed=st.integers(0, 9))
def test_patches_are_bit_identical(theirs: Resize, budget: Pixels, width: int, height: int, seed: int) -> None:
    image = drawn(width, height, seed)
    ours, others = processed(PROCESSOR, image, budget), processed(PROCESSOR, image, budget, theirs)
    assert ours["pixel_values"].equal(others["pixel_values"])
    assert ours["image_grid_thw"].equal(others["image_grid_thw"])


def test_a_picture_that_is_too_long_can_not_be_resized_either_way(theirs: Resize) -> None:
    for way in (None, theirs):
        with pytest.raises(ValueError, match="aspect ratio"):
            processed(PROCESSOR, drawn(1000, 4, 0), BUDGETS[0], way)


def test_without_a_working_torchvision_it_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.delitem(sys.modules, "qwen_vl_utils", raising=False)
    monkeypatch.delitem(sys.modules, "qwen_vl_utils.vision_process", raising=False)
    assert find_qwen_resize(PROCESSOR) is None


def test_a_version_that_resizes_otherwise_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    other = ModuleType("qwen_vl_utils")
    other.fetch_image = lambda declared, image_patch_size: declared["image"].resize((64, 64))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "qwen_vl_utils", other)
    assert find_qwen_resize(PROCESSOR) is None
