"""Attention over a shared prefix: merged from two parts, against one softmax over a copy of the prefix in every row."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.vlm.attention import QUERIES, Causal, Kept, copied, shared, spelled_out
from inspector.vlm.pages import Pages, Shape
from inspector.vlm.rows import Advance, KeptPrefix, Rows

HEAD = 16
CPU = torch.device("cpu")
WIDTHS = st.lists(st.integers(1, 6), min_size=1, max_size=5)


def kept(rows: int, groups: int, tokens: int) -> Kept:
    return Kept(torch.randn(rows, groups, tokens, HEAD), torch.randn(rows, groups, tokens, HEAD))


def pages(heads: int = 1, layers: int = 1) -> Pages:
    return Pages(Shape(layers, heads, HEAD, torch.float32, CPU), places=4)


def attended(plainly: bool, prefix: KeptPrefix, widths: Sequence[int], steps: int, repeats: int) -> torch.Tensor:
    """What all tokens attend to: the first ones of every row, then one a step. The same numbers for the same prefix."""
    generator = torch.Generator().manual_seed(1)
    rows = Rows.begin(prefix, len(widths), max(widths) + steps)
    groups, outputs = prefix.layers[0].keys.shape[1], []
    for lengths in [widths, *([[1] * len(widths)] * steps)]:
        advance = Advance(
            rows, [[7] * length for length in lengths], copied if plainly else shared, repeats, pages(groups)
        )
        new = Kept(*torch.randn(2, groups, sum(lengths), HEAD, generator=generator))
        queries = torch.randn(groups * repeats, sum(lengths), HEAD, generator=generator)
        outputs.append(advance.attend(0, queries, new, HEAD**-0.5))
        advance.commit()
    return torch.cat(outputs, dim=1)


@settings(deadline=None)
@given(WIDTHS, st.integers(1, 40), st.integers(0, 3), st.sampled_from([1, 2]), st.sampled_from([1, 3]))
def test_the_merged_parts_are_one_softmax(
    widths: list[int], tokens: int, steps: int, groups: int, repeats: int
) -> None:
    prefix = KeptPrefix((kept(1, groups, tokens),), tokens, tokens)
    plain, merged = (attended(plainly, prefix, widths, steps, repeats) for plainly in (True, False))
    assert torch.allclose(merged, plain, atol=1e-5)


@pytest.mark.parametrize("tokens", [1, QUERIES - 1, QUERIES, QUERIES + 1, 3 * QUERIES + 5])
@pytest.mark.parametrize("repeats", [1, 3])
def test_a_prefix_read_in_blocks_sees_no_token_ahead(tokens: int, repeats: int) -> None:
    queries, own = torch.randn(2 * repeats, tokens, HEAD), kept(1, 2, tokens)
    attend = torch.nn.functional.scaled_dot_product_attention
    plain = attend(queries[None], *own, is_causal=True, scale=0.3, enable_gqa=True)[0]
    assert torch.allclose(Causal(tokens, repeats, queries).attend(queries, own, 0.3), plain, atol=1e-5)


def test_keys_that_outweigh_all_others_do_not_overflow() -> None:
    keys = Kept(torch.full((1, 1, 5, HEAD), 60.0), torch.randn(1, 1, 5, HEAD))
    prefix = KeptPrefix((keys,), 5, 5)
    assert torch.isfinite(attended(False, prefix, [3, 1], 2, 2)).all()


def test_the_attention_for_other_devices_says_the_same() -> None:
    queries, own = torch.randn(3, 2, 4, HEAD), kept(3, 2, 9)
    mask = torch.zeros(3, 1, 4, 9)
    mask[:, :, :, 5:] = -torch.inf
    output, log_total = spelled_out(queries, own, 0.3, mask)
    scores = queries @ own.keys.mT * 0.3 + mask
    assert torch.allclose(output, scores.softmax(-1) @ own.values, atol=1e-6)
    assert torch.allclose(log_total, scores.logsumexp(-1), atol=1e-6)


def test_a_row_holds_its_own_tokens_only() -> None:
    prefix = KeptPrefix((kept(1, 2, 1000),), 1000, 1000)
    rows, new = Rows.begin(prefix, 9, 32), kept(1, 2, 18)
    Advance(rows, [[7, 7]] * 9, shared, 1, pages(2)).attend(
        0, torch.randn(2, 18, HEAD), Kept(*(n[0] for n in new)), 1.0
    )
    assert sum(table.nbytes for layer in rows.own for table in layer) == 2 * 9 * 2 * 32 * HEAD * 4


def test_a_forward_that_was_not_committed_might_as_well_not_have_been() -> None:
    prefix = KeptPrefix((kept(1, 1, 12),), 12, 12)
    rows, again = Rows.begin(prefix, 2, 8), Rows.begin(prefix, 2, 8)
    queries, new, other = torch.randn(1, 4, HEAD), kept(1, 1, 4), kept(1, 1, 4)
    Advance(rows, [[1, 2, 3], [4]], shared, 1, pages()).attend(0, queries, Kept(other.keys[0], other.values[0]), 1.0)
    told = [
        Advance(each, [[1], [2, 3, 4]], shared, 1, pages()).attend(0, queries, Kept(new.keys[0], new.values[0]), 1.0)
        for each in (rows, again)
    ]
    assert torch.equal(*told)


@pytest.mark.parametrize("chosen", [[0], [2, 0], [0, 1, 2]])
def test_rows_that_are_kept_go_on_as_they_were(chosen: list[int]) -> None:
    prefix = KeptPrefix((kept(1, 1, 12),), 12, 12)
    rows = Rows.begin(prefix, 3, 8)
    first = Advance(rows, [[1, 2, 3], [4], [5, 6]], shared, 1, pages())
    first.attend(0, torch.randn(1, 6, HEAD), Kept(*torch.randn(2, 1, 6, HEAD)), 1.0)
    first.commit()
    queries, new = torch.randn(1, 3, HEAD), Kept(*torch.randn(2, 1, 3, HEAD))
    all_rows = Advance(rows, [[7]] * 3, shared, 1, pages()).attend(0, queries, new, 1.0)
    few = Advance(rows.only(chosen), [[7]] * len(chosen), shared, 1, pages())
    some = few.attend(0, queries[:, chosen], Kept(new.keys[:, chosen], new.values[:, chosen]), 1.0)
    assert torch.allclose(some, all_rows[:, chosen], atol=1e-6)
