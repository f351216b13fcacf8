from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from inspector.teaching.group_folds import FOLDS, group_folds

PARTS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans()), min_size=1, max_size=60)


@given(PARTS)
def test_a_group_lies_in_one_fold(parts: list[tuple[str, bool]]) -> None:
    groups, is_ng = [group for group, _ in parts], [ng for _, ng in parts]
    folds = defaultdict(set)
    for group, fold in zip(groups, group_folds(groups, is_ng), strict=True):
        folds[group].add(fold)
    assert all(len(each) == 1 for each in folds.values())


def test_folds_are_alike_in_both_kinds() -> None:
    groups = [f"part{number}" for number in range(40)]
    is_ng = [number % 4 == 0 for number in range(40)]
    folds = group_folds(groups, is_ng)
    for fold in range(FOLDS):
        inside = [ng for ng, each in zip(is_ng, folds, strict=True) if each == fold]
        assert 8 <= len(inside) <= 12
        assert 2 <= sum(inside) <= 3
