"""Fixed sequences of exact tests, compared with MAPIE's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from mapie.risk_control import BinaryClassificationController, BinaryRisk
from numpy.typing import NDArray
from support.vote_model import drawn_scores, evidence_of_scores

from inspector.domain.pipeline import Thresholds
from inspector.tuning.risk_control import fixed_sequence, p_values, sequences_along_rows
from inspector.tuning.threshold_choice import ThresholdPromise, run_tests
from inspector.tuning.vote_table import LimitGrid

Array = NDArray[Any]
PASS_BELOW = tuple(step / 50 for step in range(1, 46))
LIVE = Thresholds(pass_below=0.2, reject_above=0.9)


def mapie_proves(scores: Array, ng: Array, escape: float) -> tuple[list[float], list[float], list[bool]]:
    """Return the limits that MAPIE proves, its p-values, and where its counts survive its rounding."""
    passed = 0
    risk = BinaryRisk(lambda true, said: said == passed, lambda true, said: true == 1, higher_is_better=False)
    oracle = BinaryClassificationController(
        predict_function=lambda rows: np.column_stack([1.0 - rows[:, 0], rows[:, 0]]),
        risk=risk,
        target_level=escape,
        confidence_level=0.95,
        best_predict_param_choice=risk,
        list_predict_params=np.array(PASS_BELOW),
        fwer_method="fixed_sequence",
    ).calibrate(scores[:, None], ng.astype(int))
    count = int(ng.sum())
    wrong = [int((scores[ng] < low).sum()) for low in PASS_BELOW]
    exact = [math.ceil(count * (each / count)) == each for each in wrong]
    return list(oracle.valid_predict_params), oracle.p_values[:, 0].tolist(), exact


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("parts", [150, 600, 2500])
@pytest.mark.parametrize("escape", [0.02, 0.05, 0.2])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_proved_limits_are_those_of_mapie(seed: int, parts: int, escape: float) -> None:
    scores, ng = drawn_scores(parts, seed)
    valid, values, exact = mapie_proves(scores, ng, escape)
    evidence = evidence_of_scores(scores, ng, LimitGrid(PASS_BELOW, (0.9,)), (0.2, 0.9))
    tested = run_tests(evidence, ThresholdPromise(escape), LIVE)
    own = p_values(tested.escapes.wrong, tested.escapes.parts, escape)[0]
    proved = [low for low, is_proved in zip(PASS_BELOW, tested.proved[0], strict=True) if is_proved]
    compared = [(one, other) for one, other, is_exact in zip(own, values, exact, strict=True) if is_exact]
    assert len(compared) > len(PASS_BELOW) / 2
    # the other p-value is the lesser of this one and Hoeffding's, which is above it where the share is small
    assert all(one == pytest.approx(other) for one, other in compared if other < 0.3)
    assert proved == valid if all(exact) else proved[: len(valid)] == valid


def test_p_values_are_exact_and_no_parts_prove_nothing() -> None:
    found = p_values(np.array([0, 1, 0, 0]), np.array([59, 93, 58, 0]), 0.05)
    assert found[0] == pytest.approx(0.95**59)
    assert (found <= 0.05).tolist() == [True, True, False, False]
    assert found[3] == 1.0


def test_a_sequence_ends_at_the_first_failure() -> None:
    assert fixed_sequence(np.array([0.01, 0.04, 0.06, 0.01]), 0.05).tolist() == [True, True, False, False]


def test_rows_have_their_own_levels_and_skip_what_is_no_pair() -> None:
    values = np.array([[0.01, 0.02, 0.9, 0.01], [0.01, 0.04, 0.01, 0.01]])
    is_pair = np.array([[True, True, True, True], [True, False, True, True]])
    assert sequences_along_rows(values, (0.015, 0.03), is_pair).tolist() == [
        [True, False, False, False],
        [True, False, True, True],
    ]
    assert sequences_along_rows(values, (0.015, 0.03), is_pair, from_end=True).tolist() == [
        [False, False, False, True],
        [True, False, True, True],
    ]
