"""Labelled parts with drawn features: noise, and for NG parts a spot of odd patches."""

from __future__ import annotations

import numpy as np

from inspector.domain.report import Box
from inspector.teaching.part_features import PartFeatures, TaughtPart

ROWS = 12
WIDTH = 16


def taught_parts(
    ok: int, ng: int, *, strength: float = 6.0, groups: int | None = None, seed: int = 0
) -> list[TaughtPart]:
    """OK parts, then NG parts; `groups` of each kind (default: one per part)."""
    rng = np.random.default_rng(seed)
    return [_part(number, number >= ok, strength, groups, rng) for number in range(ok + ng)]


def _part(number: int, is_ng: bool, strength: float, groups: int | None, rng: np.random.Generator) -> TaughtPart:
    coarse, fine = rng.normal(size=(ROWS, ROWS, WIDTH)), rng.normal(size=(2 * ROWS, 2 * ROWS, WIDTH // 2))
    row, column = rng.integers(1, ROWS - 3, 2)
    if is_ng:
        coarse[row : row + 2, column : column + 2, 0] += strength
        fine[2 * row : 2 * row + 4, 2 * column : 2 * column + 4, 0] += strength
    box = Box(column / ROWS, row / ROWS, (column + 2) / ROWS, (row + 2) / ROWS)
    maps = {"lite0/16": coarse.astype(np.float16), "lite0/8": fine.astype(np.float16)}
    group = f"{'ng' if is_ng else 'ok'}{number if groups is None else number % groups}"
    return TaughtPart(
        f"part{number}", group, is_ng, PartFeatures(maps), (box,) if is_ng else (), "spot" if is_ng else ""
    )
