"""Whether a picture can be judged at all. Pure: each rule receives measurements and returns a reason or None."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from inspector.domain.pipeline import Quality

MAX_ASPECT_RATIO: Final = 200  # Qwen-VL's image processors refuse longer pictures


@dataclass(frozen=True, slots=True)
class Measurements:
    """The measurements of one picture by `adapters/camera/measure.py`.

    Width and height are those of the whole picture; all else is measured in the camera's region. Sharpness: variance
    of the Laplacian (grey levels², at reduced size). Luminance: mean grey, 0..1. Change: mean absolute grey difference
    from the camera's last frame, 0..1; None for the first frame.
    """

    width_px: int
    height_px: int
    sharpness: float
    luminance: float
    change: float | None = None


def size_fault(width_px: int, height_px: int, rules: Quality, what: str = "picture") -> str | None:
    """Return why a picture of this size can't be judged, or None. The header suffices: nothing is decoded."""
    size = f"{what} is {width_px}x{height_px} px"
    if min(width_px, height_px) < rules.min_side_px:
        return f"{size}; quality.min_side_px asks for {rules.min_side_px}; check the camera"
    if max(width_px, height_px) > MAX_ASPECT_RATIO * min(width_px, height_px):
        return f"{size}, longer than {MAX_ASPECT_RATIO}:1, which no model can see; crop it, or send it in several parts"
    return None


def product_mismatch(unlike: float, rules: Quality) -> str | None:
    """Return why the picture can't show this product, or None.

    `unlike` is its distance from the golden samples, in multiples of their usual distance from each other.
    """
    if rules.max_unlike is None or unlike <= rules.max_unlike:
        return None
    return (
        f"does not show the product: {unlike:.1f} times as unlike the golden samples as they are one another, "
        f"quality.max_unlike is {rules.max_unlike:g}; check which product is in front of the camera"
    )


def quality_fault(picture: Measurements, rules: Quality) -> str | None:
    """Return why the picture can't be judged, or None."""
    if reason := size_fault(picture.width_px, picture.height_px, rules):
        return reason
    darkest, brightest = rules.luminance
    if picture.luminance < darkest:
        return f"too dark: luminance {picture.luminance:.3f} below quality.luminance {darkest:g}; check the lamp"
    if picture.luminance > brightest:
        return f"too bright: luminance {picture.luminance:.3f} above quality.luminance {brightest:g}; check exposure"
    if picture.sharpness < rules.min_sharpness:
        return (
            f"blurred: sharpness {picture.sharpness:.1f} below quality.min_sharpness {rules.min_sharpness:g}; "
            "check focus and motion"
        )
    if picture.change is not None and picture.change < rules.min_change:
        return (
            f"same picture as before: change {picture.change:.5f} below quality.min_change {rules.min_change:g}; "
            "check that the camera is not frozen"
        )
    return None
