"""Learn then test: limits whose shares are proved, not estimated (Angelopoulos et al. 2021, arXiv 2110.01052). Pure.

Each pair of limits is a hypothesis: "its share of wrong parts is above the promise". Its p-value is exact and binomial.
Hypotheses are tested in an order that no part influences, each at the full level, until the first one stays (fixed
sequence). The level is divided among several sequences (Bonferroni). The probability that any rejected hypothesis is
true is then at most that level, whatever the parts are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

Array = NDArray[Any]


def p_values(wrong: Array, parts: Array, limit: float) -> Array:
    """Return the probability of so few wrong parts if the share were just above the limit; 1 without parts."""
    values: Array = np.where(parts > 0, bdtr(wrong, np.maximum(parts, 1), limit), 1.0)
    return values


def fixed_sequence(values: Array, level: float) -> Array:
    """Return which hypotheses are rejected: all before the first p-value above the level."""
    rejected: Array = np.logical_and.accumulate(values <= level)
    return rejected


def sequences_along_rows(values: Array, levels: Sequence[float], is_pair: Array, *, from_end: bool = False) -> Array:
    """Test each row as one sequence at its own level, from the row's start or from its end.

    `is_pair` marks the hypotheses that exist; a sequence skips the others.
    """
    step = -1 if from_end else 1
    proved = np.zeros(values.shape, bool)
    for row, level in enumerate(levels):
        columns = np.flatnonzero(is_pair[row])[::step]
        proved[row, columns] = fixed_sequence(values[row, columns], level)
    return proved
