"""The heat map of a second opinion: how far each place of a part's frame is from what is usual. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A grid of cells over `box` (x0, y0, x1, y1), the inspected part of the frame.

    `levels` holds a byte for each cell, row by row: 0 is the heat `least`, 255 is `most`.
    """

    rows: int
    columns: int
    box: tuple[float, float, float, float]
    least: float
    most: float
    levels: bytes

    def __post_init__(self) -> None:
        if len(self.levels) != self.rows * self.columns:
            raise ValueError(f"{len(self.levels)} levels are no grid of {self.rows} x {self.columns} cells")
