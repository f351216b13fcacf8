"""Template difference: where a frame is darker or brighter than its template anywhere within a tolerance. Pure numbers.

The frame is registered within a few pixels. A pixel differs by how far it lies outside the range that the template
takes within `tolerance` pixels around it: edges may wander that far. A part is as suspicious as its largest blob.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label, maximum_filter, minimum_filter, sum_labels

from inspector.teaching.memory import PatchScores

Array = NDArray[Any]
MAX_SHIFT_PX: Final = 3  # in each direction
TOLERANCES_PX: Final = (1, 2, 3)
MIN_DIFFERENCE: Final = 0.2  # of full scale; smaller differences belong to no blob
MIN_SPREAD: Final = 0.25  # least standard deviation of good parts' log scores
REGISTRATION_STEP: Final = 2  # every second pixel and row decides the shift


class TemplateScale(NamedTuple):
    """The good parts' log scores at one tolerance: centre and standard deviation."""

    tolerance: int
    centre: float
    spread: float


class TemplateMethod(NamedTuple):
    """The scales of all tolerances; a part's score is their mean."""

    scales: tuple[TemplateScale, ...]

    def scores(self, differences: Mapping[int, Array]) -> PatchScores:
        """Return the score in deviations of good parts, and the heat: the difference at the least tolerance."""
        parts = [(blob_log_size(differences[each.tolerance]) - each.centre) / each.spread for each in self.scales]
        return PatchScores(float(np.mean(parts)), np.asarray(differences[self.scales[0].tolerance], np.float32))

    def arrays(self) -> dict[str, Array]:
        """Return the arrays to store."""
        return {"scales": np.array(self.scales, float)}

    @classmethod
    def of_arrays(cls, arrays: dict[str, Array]) -> TemplateMethod:
        rows = arrays["scales"].tolist()
        return cls(tuple(TemplateScale(int(tolerance), centre, spread) for tolerance, centre, spread in rows))


class LearnedTemplateMethod(NamedTuple):
    """A template method, and the good parts' own scores."""

    method: TemplateMethod
    good_scores: Array


def learn_template_method(parts: Sequence[Mapping[int, Array]]) -> LearnedTemplateMethod:
    """Learn how much good frames differ from their templates."""
    logs = {tolerance: np.array([blob_log_size(part[tolerance]) for part in parts]) for tolerance in TOLERANCES_PX}
    method = TemplateMethod(
        tuple(
            TemplateScale(px, float(np.median(each)), max(float(each.std()), MIN_SPREAD)) for px, each in logs.items()
        )
    )
    return LearnedTemplateMethod(method, np.array([method.scores(part).score for part in parts]))


def template_differences(frame: Array, template: Array) -> dict[int, Array]:
    """Return the difference map (0..1) per tolerance. Both are grey, 0..1, and of the same size; else ValueError."""
    if frame.shape != template.shape:
        raise ValueError(f"the frame has {frame.shape[::-1]} pixels, its template {template.shape[::-1]}")
    matched = _registered(frame, template)
    return {px: _outside(frame, matched, px).astype(np.float16) for px in TOLERANCES_PX}


def blob_log_size(difference: Array) -> float:
    """Return the log of 1 plus the summed difference of the largest blob."""
    wide = np.asarray(difference, np.float32)
    blobs, count = label(wide > MIN_DIFFERENCE)
    if not count:
        return 0.0
    return float(np.log1p(sum_labels(wide, blobs, np.arange(1, count + 1)).max()))


def _registered(frame: Array, template: Array) -> Array:
    """Return the template, shifted to where it differs least from the frame."""
    shifts = [(y, x) for y in range(-MAX_SHIFT_PX, MAX_SHIFT_PX + 1) for x in range(-MAX_SHIFT_PX, MAX_SHIFT_PX + 1)]
    shifts.sort(key=lambda shift: abs(shift[0]) + abs(shift[1]))
    inner = np.s_[MAX_SHIFT_PX:-MAX_SHIFT_PX:REGISTRATION_STEP, MAX_SHIFT_PX:-MAX_SHIFT_PX:REGISTRATION_STEP]
    seen = frame[inner]
    errors = [float(np.abs(seen - np.roll(template, shift, (0, 1))[inner]).mean()) for shift in shifts]
    y, x = shifts[int(np.argmin(errors))]
    padded = np.pad(template, MAX_SHIFT_PX, mode="edge")
    top, left = MAX_SHIFT_PX - y, MAX_SHIFT_PX - x
    return np.asarray(padded[top : top + frame.shape[0], left : left + frame.shape[1]])


def _outside(frame: Array, template: Array, tolerance: int) -> Array:
    side = 2 * tolerance + 1
    above = frame - maximum_filter(template, side, mode="nearest")
    below = minimum_filter(template, side, mode="nearest") - frame
    return np.asarray(np.maximum(0.0, np.maximum(above, below)))
