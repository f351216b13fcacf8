"""Verdicts and tokens read from logits."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.adapters.vlm.transformers.decoding import is_closed_object
from inspector.adapters.vlm.transformers.token_spellings import VerdictTokens, draw, read_verdicts
from inspector.domain.pipeline import NOISE_SHARE


def logits(*shares: float) -> torch.Tensor:
    return torch.tensor([math.log(share) for share in shares])


def p_ng(row: torch.Tensor, ng: Sequence[int], ok: Sequence[int]) -> float | None:
    return read_verdicts(row[None], [VerdictTokens(ng, ok)])[0].p_ng


def test_every_row_is_read_with_its_own_words() -> None:
    rows = torch.stack([logits(0.2, 0.6, 0.2), logits(0.2, 0.6, 0.2), logits(0.01, 0.02, 0.97)])
    read = read_verdicts(rows, [VerdictTokens([0], [1]), VerdictTokens([1], [0, 2]), VerdictTokens([0], [1])])
    assert [each.p_ng for each in read] == [pytest.approx(0.25), pytest.approx(0.6), None]
    assert [each.readable for each in read] == pytest.approx([0.8, 1.0, 0.03])


def test_all_spellings_of_a_word_count_together() -> None:
    assert p_ng(logits(0.2, 0.1, 0.1, 0.6), ng=[0, 1], ok=[2]) == pytest.approx(0.75)


def test_an_answer_about_something_else_is_unreadable() -> None:
    assert p_ng(logits(0.04, 0.04, 0.92), ng=[0], ok=[1]) is None


def test_one_readable_side_makes_an_answer() -> None:
    assert p_ng(logits(NOISE_SHARE + 0.01, 1e-9, 0.94), ng=[0], ok=[1]) == pytest.approx(1.0)


def test_logits_that_are_no_numbers_are_unreadable() -> None:
    assert p_ng(torch.full((4,), math.nan), ng=[0], ok=[1]) is None


@settings(deadline=None)
@given(st.floats(-30, 30), st.floats(-30, 30))
def test_swapping_the_sides_gives_the_opposite_probability(first: float, second: float) -> None:
    row = torch.tensor([first, second])
    ng, ok = p_ng(row, [0], [1]), p_ng(row, [1], [0])
    assert ng is not None
    assert ok is not None
    assert ng + ok == pytest.approx(1.0)


def test_draws_follow_the_probabilities() -> None:
    shares = (0.5, 0.3, 0.2)
    drawn = Counter(
        draw(logits(*shares)[None].repeat(1000, 1), [1.0] * 1000, [(place + 0.5) / 1000 for place in range(1000)])
    )
    assert [drawn[token] for token in range(3)] == [500, 300, 200]


def test_heat_flattens_and_cold_sharpens() -> None:
    row = logits(0.7, 0.3)[None]
    assert draw(row, [0.1], [0.9]) == [0]
    assert draw(row, [1.0], [0.9]) == [1]
    assert draw(row, [100.0], [0.6]) == [1]


def test_zero_temperature_takes_the_likeliest_whatever_the_chance() -> None:
    assert draw(logits(0.1, 0.5, 0.4)[None].repeat(3, 1), [0.0] * 3, [0.0, 0.5, 0.999999]) == [1, 1, 1]


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.1, 2.0), st.floats(0.0, 0.9999)), min_size=1, max_size=6))
def test_a_row_draws_the_same_alone_and_in_company(rows: list[tuple[float, float]]) -> None:
    table = torch.randn(len(rows), 50, generator=torch.Generator().manual_seed(7))
    heats, chances = zip(*rows, strict=True)
    alone = [draw(table[row : row + 1], heats[row : row + 1], chances[row : row + 1])[0] for row in range(len(rows))]
    assert draw(table, heats, chances) == alone


@pytest.mark.parametrize(
    ("text", "is_closed"),
    [
        ("", False),
        ("no object at all", False),
        ('{"defect": "scr', False),
        ('{"defect": "a } in words', False),
        ('{"defect": {"kind": "a"}', False),
        ('{"defect": "a \\" } quote', False),
        ('{"defect": "a { in words"}', True),
        ('{"defect": {"kind": "a"}}', True),
        ('Here it is: {"a": 1}', True),
        ('{"a": 1}}', True),
    ],
)
def test_an_object_is_closed_when_its_own_braces_are(text: str, is_closed: bool) -> None:
    assert is_closed_object(text) is is_closed
