"""Folds that never split a group, alike in their numbers of OK and NG parts. Pure and deterministic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

FOLDS: Final = 4  # more of them cost time for little; each fold must hold NG parts


def group_folds(groups: Sequence[str], is_ng: Sequence[bool], folds: int = FOLDS) -> list[int]:
    """Return the fold of each part. Large groups are dealt first, each to the fold that has fewest of its kind."""
    counts = {
        kind: Counter(group for group, ng in zip(groups, is_ng, strict=True) if ng is kind) for kind in (True, False)
    }
    sizes = {group: np.array([counts[True][group], counts[False][group]], float) for group in dict.fromkeys(groups)}
    totals = np.maximum(sum(sizes.values()), 1.0)
    load, fold_of = np.zeros((min(folds, len(sizes)), 2)), dict[str, int]()
    for group in sorted(sizes, key=lambda group: (-sizes[group].sum(), group)):
        share = sizes[group] / totals
        fold_of[group] = int(np.argmin(load @ share + 1e-6 * load.sum(axis=1)))
        load[fold_of[group]] += share
    return [fold_of[group] for group in groups]
