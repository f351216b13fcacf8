"""Resizing by qwen-vl-utils, the package of Qwen's makers, where it imports and resizes as the image processor does.

It imports torchvision at its top, and a torchvision of another build than torch raises any exception there. A version
that resized otherwise would change scores under the same fingerprint, so it is tried on one picture first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from inspector.domain.model_card import Pixels

if TYPE_CHECKING:
    from transformers import Qwen2VLImageProcessorPil

Resize = Callable[[Image.Image, Pixels], Image.Image]
TRIED_SIZES: Final = ((97, 61), (640, 480))
TRIED_BUDGET: Final = Pixels(min=16_384, max=65_536)
_LOG = logging.getLogger(__name__)


def find_qwen_resize(processor: Qwen2VLImageProcessorPil) -> Resize | None:
    """Return the resizing of qwen-vl-utils; None where it is not installed, broken, or another than the processor's."""
    try:
        from qwen_vl_utils import fetch_image
    except Exception as error:
        _LOG.debug("qwen-vl-utils is not used: %s", error)
        return None

    def resize(image: Image.Image, budget: Pixels) -> Image.Image:
        declared = {"image": image, "min_pixels": budget.min, "max_pixels": budget.max}
        resized: Image.Image = fetch_image(declared, image_patch_size=processor.patch_size)
        return resized

    if all(_is_alike(processor, resize, size) for size in TRIED_SIZES):
        return resize
    _LOG.warning("qwen-vl-utils is not used: this version resizes otherwise than transformers")
    return None


def processed(
    processor: Qwen2VLImageProcessorPil, image: Image.Image, budget: Pixels, resize: Resize | None = None
) -> Any:
    """Return the processor's patches of a picture within the budget. Raises ValueError if it can't be resized.

    The processor also takes a picture that `resize` can't: qwen-vl-utils gives a long one in a small budget no height.
    """
    if resize is not None:
        with suppress(ValueError):
            return processor(images=[resize(image, budget)], do_resize=False, return_tensors="pt")
    size = {"shortest_edge": budget.min, "longest_edge": budget.max}
    return processor(images=[image], size=size, return_tensors="pt")


def _is_alike(processor: Qwen2VLImageProcessorPil, resize: Resize, size: tuple[int, int]) -> bool:
    image = Image.radial_gradient("L").resize(size).convert("RGB")
    ours, theirs = (processed(processor, image, TRIED_BUDGET, way) for way in (None, resize))
    return bool(ours["pixel_values"].equal(theirs["pixel_values"]))
