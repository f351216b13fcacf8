"""The teacher's calibration."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from inspector.lab.training.teacher import fit_logistic_regression


def test_the_regression_calibrates_log_odds_per_kind_of_picture() -> None:
    rng = np.random.default_rng(5)
    odds, kind = rng.normal(0.0, 2.0, 4000), rng.integers(0, 2, 4000)
    ng = rng.random(4000) < 1.0 / (1.0 + np.exp(-(1.5 * odds + np.where(kind == 0, -2.0, 1.0))))
    inputs = torch.tensor(np.stack([odds, kind == 0, kind == 1], 1), dtype=torch.float32)
    predicted = (inputs @ fit_logistic_regression(inputs, torch.tensor(ng))).sigmoid().numpy()
    for which in (0, 1):
        assert abs(inputs[:, 0].sigmoid().numpy()[kind == which].mean() - ng[kind == which].mean()) > 0.08
        assert predicted[kind == which].mean() == pytest.approx(ng[kind == which].mean(), abs=0.04)
