from __future__ import annotations

import numpy as np
import pytest
from support.taught_parts import taught_parts

from inspector.teaching.memory import Memory, learn_memory


def _learned(count: int = 12):  # type: ignore[no-untyped-def]
    good = taught_parts(count, 0)
    return learn_memory([part.features.maps["lite0/16"] for part in good], [part.group for part in good])


def test_a_part_with_an_odd_spot_scores_above_all_good_parts() -> None:
    memory, own = _learned()
    odd = [part for part in taught_parts(0, 6, seed=1) if part.is_ng]
    assert min(memory.scores(part.features.maps["lite0/16"]).score for part in odd) > own.max()


def test_heat_is_highest_at_the_spot() -> None:
    memory, _ = _learned()
    for part in taught_parts(0, 6, seed=1):
        heat = memory.scores(part.features.maps["lite0/16"]).heat
        row, column = np.unravel_index(heat.argmax(), heat.shape)
        x0, y0, x1, y1 = part.boxes[0]
        assert x0 - 0.1 <= (column + 0.5) / heat.shape[1] <= x1 + 0.1
        assert y0 - 0.1 <= (row + 0.5) / heat.shape[0] <= y1 + 0.1


def test_stored_memory_scores_as_before() -> None:
    memory, _ = _learned()
    part = taught_parts(1, 0, seed=3)[0].features.maps["lite0/16"]
    assert Memory.of_arrays(memory.arrays()).scores(part).score == pytest.approx(memory.scores(part).score, abs=1e-5)


def test_a_good_part_is_compared_with_other_groups_only() -> None:
    """Two frames of one part are alike: compared with each other, they would look far too good."""
    maps = [part.features.maps["lite0/16"] for part in taught_parts(8, 0)]
    twice = [each for each in maps for _ in range(2)]
    by_part = learn_memory(twice, [str(number // 2) for number in range(16)])
    by_frame = learn_memory(twice, [str(number) for number in range(16)])
    centre = [each.memory.members[0].centre for each in (by_part, by_frame)]
    assert centre[0] > centre[1] + 0.2


def test_one_group_is_refused() -> None:
    maps = [part.features.maps["lite0/16"] for part in taught_parts(3, 0)]
    with pytest.raises(ValueError, match="two groups"):
        learn_memory(maps, ["lot"] * 3)
