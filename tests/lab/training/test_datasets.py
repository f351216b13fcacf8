"""Training batches."""

from __future__ import annotations

import numpy as np

from inspector.lab.training.architecture import TOWER_SIDE_PX
from inspector.lab.training.datasets import CROP_SIDE_PX, PatchDataset


def test_the_same_seed_and_step_give_the_same_batch() -> None:
    first, again = PatchDataset(3, 0, 9)[4], PatchDataset(3, 4, 9)[0]
    assert np.array_equal(first.pictures, again.pictures)
    assert np.array_equal(first.labels, again.labels)


def test_training_starts_with_crops_and_continues_with_whole_pictures() -> None:
    first, later = (PatchDataset(3, step, step + 1, crop_steps=5)[0] for step in (4, 5))
    assert first.pictures.shape[1:3] == (CROP_SIDE_PX, CROP_SIDE_PX)
    assert later.pictures.shape[1:3] == (TOWER_SIDE_PX, TOWER_SIDE_PX)
    assert np.array_equal(later.pictures, PatchDataset(3, 5, 6)[0].pictures)
