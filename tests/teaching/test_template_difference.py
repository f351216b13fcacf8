from __future__ import annotations

import numpy as np
import pytest

from inspector.teaching.template_difference import (
    MAX_SHIFT_PX,
    TOLERANCES_PX,
    blob_log_size,
    learn_template_method,
    template_differences,
)


def _board() -> np.ndarray:
    board = np.zeros((64, 64), np.float32)
    board[10:54, 20:28] = board[30:36, 8:56] = 1.0
    return board


@pytest.mark.parametrize("shift", [(0, 0), (2, -1), (MAX_SHIFT_PX, MAX_SHIFT_PX)])
def test_a_shifted_good_frame_does_not_differ(shift: tuple[int, int]) -> None:
    differences = template_differences(np.roll(_board(), shift, (0, 1)), _board())
    assert set(differences) == set(TOLERANCES_PX)
    assert all(blob_log_size(each) == 0.0 for each in differences.values())


def test_a_gap_and_a_spot_differ_where_they_are() -> None:
    frame = _board()
    frame[31:35, 40:50] = 0.0
    frame[5:12, 45:52] = 1.0
    heat = template_differences(frame, _board())[1].astype(float)
    assert heat[32, 45] == 1.0
    assert heat[8, 48] == 1.0
    assert heat[45, 45] == 0.0


def test_edges_may_wander_within_the_tolerance() -> None:
    frame = _board()
    frame[10:54, 28] = 1.0  # the trace is one pixel wider
    assert blob_log_size(template_differences(frame, _board())[1]) == 0.0


def test_a_template_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"64, 64.*32, 64"):
        template_differences(_board(), _board()[:, :32])


def test_scores_are_in_deviations_of_good_frames() -> None:
    rng = np.random.default_rng(0)
    good = [template_differences(np.clip(_board() + rng.normal(0, 0.02, (64, 64)), 0, 1), _board()) for _ in range(8)]
    defect = _board()
    defect[31:35, 40:50] = 0.0
    method, own = learn_template_method(good)
    assert method.scores(template_differences(defect, _board())).score > own.max() + 3.0
