"""Statistics of held-out scores."""

from __future__ import annotations

import pytest

from inspector.domain.report import Box
from inspector.lab.training.scores import box_iou


def test_overlap_of_boxes() -> None:
    assert box_iou(Box(0, 0, 1, 1), Box(0, 0, 1, 1)) == 1.0
    assert box_iou(Box(0, 0, 0.5, 1), Box(0.25, 0, 0.75, 1)) == pytest.approx(1 / 3)
    assert box_iou(Box(0, 0, 0.1, 0.1), Box(0.5, 0.5, 1, 1)) == 0.0
