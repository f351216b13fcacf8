"""Questions of the benchmark: letters by order, and an even choice of pictures."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.mmad_parts import an_item

from inspector.lab.evaluation.mmad.items import DataSet, Item, sample_items

pictures = st.lists(st.tuples(st.sampled_from(DataSet), st.booleans(), st.integers(1, 3)), max_size=24)
Listed = list[tuple[DataSet, bool, int]]


def asked(listed: Listed) -> list[Item]:
    return [
        an_item(picture=f"{'good' if normal else 'dent'}/{place}.png", number=number, data_set=data_set)
        for place, (data_set, normal, count) in enumerate(listed)
        for number in range(count)
    ]


@pytest.mark.parametrize(("count", "letters"), [(2, "AB"), (3, "ABC"), (5, "ABCDE")])
def test_options_are_lettered_in_their_order(count: int, letters: str) -> None:
    assert "".join(an_item(options=("x",) * count).letters) == letters


@pytest.mark.parametrize(
    ("picture", "normal"),
    [
        ("VisA/candle/test/good/000.JPG", True),
        ("GoodsAD/drink_can/test/good/drink_can_test_good_001.jpg", True),
        ("GoodsAD/food_bottle/test/opened/000.jpg", False),
        ("DS-MVTec/bottle/image/broken_large/000.png", False),
    ],
)
def test_the_path_says_whether_a_part_is_good(picture: str, normal: bool) -> None:
    assert an_item(picture=picture).normal is normal


@given(pictures, st.integers(1, 8))
def test_a_limit_keeps_that_many_good_and_ng_pictures_of_each_data_set_with_all_their_questions(
    listed: Listed, limit: int
) -> None:
    items = asked(listed)
    sampled = sample_items(items, limit)
    for data_set, normal in itertools.product(DataSet, (True, False)):
        there, left = (
            {each.picture for each in group if (each.data_set, each.normal) == (data_set, normal)}
            for group in (items, sampled)
        )
        assert len(left) == min(limit, len(there))
    assert sampled == [item for item in items if item.picture in {each.picture for each in sampled}]


@given(pictures)
def test_without_a_limit_everything_is_asked(listed: Listed) -> None:
    assert sample_items(asked(listed), None) == asked(listed)


def test_a_limit_takes_pictures_evenly_over_the_list() -> None:
    sampled = sample_items(asked([(DataSet.VISA, True, 1), (DataSet.VISA, False, 1)] * 6), 2)
    assert [item.picture for item in sampled] == ["good/0.png", "dent/1.png", "good/6.png", "dent/7.png"]
