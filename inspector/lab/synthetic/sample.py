"""A drawn frame with its ground truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspector.domain.report import Box

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Flaw:
    """One defect.

    `box_px` is (x0, y0, x1, y1), with x1 and y1 exclusive. `contrast` (0..1) is the strength with which the flaw was
    drawn; it is 0 where only a comparison with a golden sample shows the flaw.
    """

    defect: str
    box_px: tuple[int, int, int, int]
    box_norm: Box
    contrast: float

    @property
    def extent_px(self) -> int:
        """Return the longer side of the box."""
        return max(self.box_px[2] - self.box_px[0], self.box_px[3] - self.box_px[1])


@dataclass(frozen=True, slots=True)
class Sample:
    """One drawn frame.

    `pixels` is RGB; `mask` holds 0 where the part is good, else 1 + the flaw's index. A golden sample for this frame
    must be of the same `variant`.
    """

    product: str
    seed: int
    pixels: Pixels
    mask: Pixels
    flaws: tuple[Flaw, ...]
    variant: int = 0

    @property
    def ng(self) -> bool:
        return bool(self.flaws)

    @property
    def main(self) -> Flaw | None:
        """Return the most visible flaw, the one that a report should name."""
        return max(self.flaws, key=lambda flaw: flaw.contrast * flaw.extent_px**0.5, default=None)
