"""Attention over a shared prefix, merged from two parts, compared with one softmax over copies of the prefix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.demo_model import fresh_checkpoint, looked

from inspector.adapters.vlm.transformers import shared_prefix_attention as attention
from inspector.adapters.vlm.transformers.kv_cache import KeptPrefix, RowAdvance, SequenceRows
from inspector.adapters.vlm.transformers.kv_pages import KVPages, KVShape
from inspector.adapters.vlm.transformers.model_forward import VisionLanguageModel
from inspector.adapters.vlm.transformers.shared_prefix_attention import (
    MASK_ALIGNMENT,
    QUERY_BLOCK,
    CausalPrefill,
    additive_mask,
    copied_prefix,
    gpu_attention,
    log_sum_attention,
    plain_attention,
    shared_prefix,
)

HEAD = 16
CPU = torch.device("cpu")
WIDTHS = st.lists(st.integers(1, 6), min_size=1, max_size=5)


def kept(rows: int, groups: int, tokens: int) -> torch.Tensor:
    return torch.randn(2, rows, groups, tokens, HEAD)


def asked(tokens: int, repeats: int = 1, groups: int = 1, generator: torch.Generator | None = None) -> torch.Tensor:
    return torch.randn(tokens, repeats, groups, HEAD, generator=generator)


def fresh(tokens: int, groups: int = 1, generator: torch.Generator | None = None) -> torch.Tensor:
    return torch.randn(tokens, 2, groups, HEAD, generator=generator)


def pages(groups: int = 1, layers: int = 1) -> KVPages:
    return KVPages(KVShape(layers, groups, HEAD, torch.float32, CPU), places=4)


def gpu_kernel(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None, *_: Any, scale: float
) -> tuple[torch.Tensor, ...]:
    """What torch's memory-efficient kernel demands and returns on a GPU, worked out on any device."""
    if mask is not None:
        assert mask.shape == (*queries.shape[:3], keys.shape[2])
        assert mask.dtype == queries.dtype
        assert all(step % MASK_ALIGNMENT == 0 for step in mask.stride()[:-1])
    output, log_total = plain_attention(queries, keys, values, attn_mask=mask, scale=scale)
    blocks = -(-queries.shape[2] // 32) * 32
    padded = torch.nn.functional.pad(log_total, (0, blocks - queries.shape[2]), value=torch.nan)
    return output, padded, torch.tensor(0), torch.tensor(0)


def attended(plainly: bool, prefix: KeptPrefix, widths: Sequence[int], steps: int, repeats: int) -> torch.Tensor:
    """What all tokens attend to: the first ones of every row, then one a step. The same numbers for the same prefix."""
    generator = torch.Generator().manual_seed(1)
    rows = SequenceRows.begin(prefix, len(widths), max(widths) + steps)
    groups, outputs = prefix.layers[0].shape[2], []
    for lengths in [widths, *([[1] * len(widths)] * steps)]:
        advance = RowAdvance(
            rows,
            [[7] * length for length in lengths],
            copied_prefix if plainly else shared_prefix,
            repeats,
            pages(groups),
        )
        new = fresh(sum(lengths), groups, generator)
        queries = asked(sum(lengths), repeats, groups, generator)
        outputs.append(advance.attend(0, queries, new, HEAD**-0.5))
        advance.commit()
    return torch.cat(outputs)


@settings(deadline=None)
@given(WIDTHS, st.integers(1, 40), st.integers(0, 3), st.sampled_from([1, 2]), st.sampled_from([1, 3]))
def test_the_merged_parts_are_one_softmax(
    widths: list[int], tokens: int, steps: int, groups: int, repeats: int
) -> None:
    prefix = KeptPrefix((kept(1, groups, tokens),), tokens, tokens)
    plain, merged = (attended(plainly, prefix, widths, steps, repeats) for plainly in (True, False))
    assert torch.allclose(merged, plain, atol=1e-5)


@pytest.mark.parametrize("tokens", [1, QUERY_BLOCK - 1, QUERY_BLOCK, QUERY_BLOCK + 1, 3 * QUERY_BLOCK + 5])
@pytest.mark.parametrize("repeats", [1, 3])
def test_a_prefix_read_in_blocks_sees_no_token_ahead(tokens: int, repeats: int) -> None:
    queries, own = asked(tokens, repeats, 2), kept(1, 2, tokens)
    keys, values = own
    attend = torch.nn.functional.scaled_dot_product_attention
    heads = queries.permute(2, 1, 0, 3)
    found = attend(heads.flatten(0, 1)[None], keys, values, is_causal=True, scale=0.3, enable_gqa=True)
    plain = found.view(heads.shape).permute(2, 1, 0, 3)
    assert torch.allclose(CausalPrefill(tokens, repeats, queries).attend(queries, own, 0.3), plain, atol=1e-5)


def test_keys_that_outweigh_all_others_do_not_overflow() -> None:
    prefix = KeptPrefix((kept(1, 1, 5),), 5, 5)
    prefix.layers[0][0] = 60.0
    assert torch.isfinite(attended(False, prefix, [3, 1], 2, 2)).all()


def test_the_attention_for_other_devices_says_the_same() -> None:
    queries, (keys, values) = torch.randn(3, 2, 4, HEAD), kept(3, 2, 9)
    mask = torch.zeros(3, 1, 4, 9)
    mask[:, :, :, 5:] = -torch.inf
    output, log_total = plain_attention(queries, keys, values, attn_mask=mask, scale=0.3)
    scores = queries @ keys.mT * 0.3 + mask
    assert torch.allclose(output, scores.softmax(-1) @ values, atol=1e-6)
    assert torch.allclose(log_total, scores.logsumexp(-1), atol=1e-6)


@torch.inference_mode()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_model_says_the_same_by_the_attention_for_other_devices(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    """A picture is read with rows of different lengths, and one apart from them; they go on together."""
    checkpoint = fresh_checkpoint()
    network = VisionLanguageModel(checkpoint.model.to(dtype))
    said: list[list[torch.Tensor]] = []
    monkeypatch.setattr(attention, "FUSED_GPU_ATTENTION", gpu_kernel)
    for chosen in (attention.FUSED_CPU_ATTENTION, plain_attention, gpu_attention):
        monkeypatch.setattr(attention, "log_sum_attention", lambda _, chosen=chosen: chosen)
        prefix = looked(network, checkpoint)
        rows, single, told = SequenceRows.begin(prefix, 3, 16), SequenceRows.begin(prefix, 1, 16), list[torch.Tensor]()
        for batch in ([(rows, [[11, 12, 13], [14], [15, 16]]), (single, [[11, 12]])], [(rows, [[17], [18], [19]])]):
            forward = network.advance(batch)
            forward.commit()
            told.append(forward.logits)
        said.append(told)
    for one, *others in zip(*said, strict=True):
        for other in others:
            assert torch.allclose(one, other, atol=1e-4 if dtype is torch.float32 else 0.2)


@pytest.mark.parametrize(
    ("device", "chosen"), [("cpu", attention.FUSED_CPU_ATTENTION), ("cuda", gpu_attention), ("mps", plain_attention)]
)
def test_each_device_has_its_attention(device: str, chosen: object) -> None:
    assert log_sum_attention(torch.device(device)) is chosen


@pytest.mark.parametrize("tokens", [1, MASK_ALIGNMENT, MASK_ALIGNMENT + 1])
def test_a_mask_hides_what_is_not_seen_and_its_rows_are_aligned(tokens: int) -> None:
    seen = torch.rand(3, 1, 5, tokens) < 0.5
    mask = additive_mask(seen, torch.bfloat16)
    assert torch.equal(mask == 0.0, seen)
    assert torch.equal(mask == -torch.inf, ~seen)
    assert mask.stride(2) % MASK_ALIGNMENT == 0


def test_a_row_holds_its_own_tokens_only() -> None:
    prefix = KeptPrefix((kept(1, 2, 1000),), 1000, 1000)
    rows = SequenceRows.begin(prefix, 9, 32)
    RowAdvance(rows, [[7, 7]] * 9, shared_prefix, 1, pages(2)).attend(0, asked(18, groups=2), fresh(18, groups=2), 1.0)
    assert sum(layer.nbytes for layer in rows.own) == 2 * 9 * 2 * 32 * HEAD * 4


def test_a_forward_that_was_not_committed_might_as_well_not_have_been() -> None:
    prefix = KeptPrefix((kept(1, 1, 12),), 12, 12)
    rows, again = SequenceRows.begin(prefix, 2, 8), SequenceRows.begin(prefix, 2, 8)
    queries, new = asked(4), fresh(4)
    RowAdvance(rows, [[1, 2, 3], [4]], shared_prefix, 1, pages()).attend(0, queries, fresh(4), 1.0)
    told = [
        RowAdvance(each, [[1], [2, 3, 4]], shared_prefix, 1, pages()).attend(0, queries, new, 1.0)
        for each in (rows, again)
    ]
    assert torch.equal(*told)


@pytest.mark.parametrize("chosen", [[0], [2, 0], [0, 1, 2]])
def test_rows_that_are_kept_go_on_as_they_were(chosen: list[int]) -> None:
    prefix = KeptPrefix((kept(1, 1, 12),), 12, 12)
    rows = SequenceRows.begin(prefix, 3, 8)
    first = RowAdvance(rows, [[1, 2, 3], [4], [5, 6]], shared_prefix, 1, pages())
    first.attend(0, asked(6), fresh(6), 1.0)
    first.commit()
    queries, new = asked(3), fresh(3)
    all_rows = RowAdvance(rows, [[7]] * 3, shared_prefix, 1, pages()).attend(0, queries, new, 1.0)
    few = RowAdvance(rows.only(chosen), [[7]] * len(chosen), shared_prefix, 1, pages())
    some = few.attend(0, queries[chosen], new[chosen], 1.0)
    assert torch.allclose(some, all_rows[chosen], atol=1e-6)
