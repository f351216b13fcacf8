from __future__ import annotations

import numpy as np
import pytest
from support.taught_parts import taught_parts

from inspector.numerics.classification_metrics import auroc
from inspector.teaching.patch_head import PatchHead, learn_patch_head
from inspector.teaching.pooled_head import PooledHead, learn_pooled_head

TRUTH = np.array([False] * 20 + [True] * 20)


def test_a_patch_head_ranks_new_parts_and_points_at_the_spot() -> None:
    parts, new = taught_parts(20, 20), taught_parts(20, 20, seed=1)
    head = learn_patch_head([part.features.maps["lite0/16"] for part in parts], TRUTH)
    scores = [head.scores(part.features.maps["lite0/16"]) for part in new]
    assert auroc(np.array([each.score for each in scores]), TRUTH) > 0.95
    row, column = np.unravel_index(scores[-1].heat.argmax(), scores[-1].heat.shape)
    x0, y0, x1, y1 = new[-1].boxes[0]
    assert x0 <= (column + 0.5) / 12 <= x1
    assert y0 <= (row + 0.5) / 12 <= y1


def test_drawn_boxes_help_where_few_parts_are_known() -> None:
    parts, new = taught_parts(6, 6, strength=3.0), taught_parts(30, 30, strength=3.0, seed=1)
    truth, new_truth = np.arange(12) >= 6, np.arange(60) >= 30
    maps, boxes = [part.features.maps["lite0/16"] for part in parts], [part.boxes for part in parts]
    ranked = []
    for drawn in ([], boxes):
        head = learn_patch_head(maps, truth, drawn)
        ranked.append(auroc(np.array([head.scores(part.features.maps["lite0/16"]).score for part in new]), new_truth))
    assert ranked[1] > ranked[0]


def test_the_same_seed_learns_the_same_head() -> None:
    maps = [part.features.maps["lite0/16"] for part in taught_parts(20, 20)]
    one, other = (learn_patch_head(maps, TRUTH, seed=7) for _ in range(2))
    assert np.array_equal(one.hidden, other.hidden)
    assert np.array_equal(PatchHead.of_arrays(one.arrays()).scores(maps[0]).heat, one.scores(maps[0]).heat)


def test_a_pooled_head_ranks_new_parts() -> None:
    parts, new = taught_parts(20, 20), taught_parts(20, 20, seed=1)
    head = learn_pooled_head([list(part.features.maps.values()) for part in parts], TRUTH)
    scores = np.array([head.score(list(part.features.maps.values())) for part in new])
    assert auroc(scores, TRUTH) > 0.9
    stored = PooledHead.of_arrays(head.arrays())
    assert stored.score(list(new[0].features.maps.values())) == pytest.approx(scores[0])
