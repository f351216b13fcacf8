"""Decoder layers with compiled element-wise operations, where the device proves faster with them.

On a GPU, launching norms, rotations and gates one by one takes longer than the products between them. Attention is not
compiled.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers.models.qwen3_vl.modeling_qwen3_vl import (
    Qwen3VLTextDecoderLayer,
    Qwen3VLTextModel,
    apply_rotary_pos_emb,
)

from inspector.adapters.vlm.transformers.cuda_graph import GraphCache
from inspector.adapters.vlm.transformers.shared_prefix_attention import Segment, attend_segments
from inspector.adapters.vlm.transformers.stopwatch import timed

TIMED_TOKENS: Final = 144  # 16 parts with 9 rows each
TRACED_TOKENS: Final = (1, TIMED_TOKENS, 1024)  # a single token is compiled separately
TIMING_TRIES: Final = 5
BeforeAttention = Callable[[Qwen3VLTextDecoderLayer, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
AfterAttention = Callable[[Qwen3VLTextDecoderLayer, Tensor, Tensor], Tensor]
_LOG = logging.getLogger(__name__)


def before_attention(
    layer: Qwen3VLTextDecoderLayer, hidden: Tensor, cosines: Tensor, sines: Tensor
) -> tuple[Tensor, Tensor]:
    """Map hidden states [1, tokens, width] to queries [tokens, folds, groups, head width] and new keys and values
    [tokens, 2, groups, head width].
    """
    attention, normed = layer.self_attn, layer.input_layernorm(hidden)
    heads = (*hidden.shape[:-1], -1, attention.head_dim)
    queries = attention.q_norm(attention.q_proj(normed).view(heads)).transpose(1, 2)
    keys = attention.k_norm(attention.k_proj(normed).view(heads)).transpose(1, 2)
    queries, keys = apply_rotary_pos_emb(queries, keys, cosines, sines)
    values = attention.v_proj(normed).view(heads)
    apart = queries[0].unflatten(0, (-1, attention.num_key_value_groups)).permute(2, 1, 0, 3)
    return apart.contiguous(), torch.stack([keys[0].transpose(0, 1), values[0]], dim=1)


def after_attention(layer: Qwen3VLTextDecoderLayer, hidden: Tensor, found: Tensor) -> Tensor:
    """Map hidden states and the attention's output [tokens, folds, groups, head width] to new hidden states."""
    hidden = hidden + layer.self_attn.o_proj(found.transpose(1, 2).flatten(1))
    made: Tensor = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
    return made


class CompiledLayer(nn.Module):
    """A decoder layer in place of transformers' own, for tokens in Segments."""

    def __init__(
        self, layer: Qwen3VLTextDecoderLayer, before_attention: BeforeAttention, after_attention: AfterAttention
    ) -> None:
        super().__init__()
        self.layer = layer
        self._before, self._after = before_attention, after_attention

    def forward(
        self, hidden: Tensor, position_embeddings: tuple[Tensor, Tensor], segments: Sequence[Segment], **_: object
    ) -> Tensor:
        """Map hidden states [1, tokens, width] to new ones."""
        module = self.layer.self_attn
        queries, new = self._before(self.layer, hidden, *position_embeddings)
        found = attend_segments(segments, module.layer_idx, queries, new, module.scaling)
        return self._after(self.layer, hidden, found)


def compile_layers(model: nn.Module, graphs: GraphCache | None = None) -> bool:
    """Compile the decoder layers in place if that works and is faster; return whether it did.

    With `graphs` the layers are timed as they are replayed: launching them one by one is not paid again. Leaves packed
    models and mixtures of experts alone. Takes about half a minute.
    """
    text = next((module for module in model.modules() if isinstance(module, Qwen3VLTextModel)), None)
    if text is None:  # a mixture of experts chooses its products by the data
        return False
    layers = [layer for layer in text.layers if isinstance(layer, Qwen3VLTextDecoderLayer)]
    if not layers:
        return False
    settings: dict[str, Any] = {
        "dynamic": True,
        "options": {"emulate_precision_casts": True},
    }  # rounds like the plain layers
    compiled = torch.compile(before_attention, **settings), torch.compile(after_attention, **settings)
    try:
        seconds = [_seconds(text, layers, *pair, graphs) for pair in ((before_attention, after_attention), compiled)]
    except Exception as error:  # a missing or failing compiler can raise anything; the plain layers work without it
        _LOG.warning("decoder layers can't be compiled and stay as they are: %s", str(error).partition("\n")[0])
        return False
    plain_s, compiled_s = seconds
    _LOG.info("decoder layers without attention: %.1f ms, compiled %.1f ms", 1e3 * plain_s, 1e3 * compiled_s)
    if compiled_s >= plain_s:
        return False
    text.layers = nn.ModuleList(CompiledLayer(layer, *compiled) for layer in layers)
    return True


@torch.inference_mode()
def _seconds(
    text: Qwen3VLTextModel,
    layers: Sequence[Qwen3VLTextDecoderLayer],
    before_attention: BeforeAttention,
    after_attention: AfterAttention,
    graphs: GraphCache | None,
) -> float:
    """Time TIMED_TOKENS tokens through all layers without attention, after every size has run once."""
    weights = layers[0].self_attn.q_proj.weight

    def through(hidden: Tensor) -> tuple[Tensor]:
        rotation = text.rotary_emb(hidden, torch.arange(hidden.shape[1], device=hidden.device).expand(3, 1, -1))
        for layer in layers:
            queries, _ = before_attention(layer, hidden, *rotation)
            hidden = after_attention(layer, hidden, queries)
        return (hidden,)

    def run(tokens: int) -> None:
        hidden = weights.new_zeros(1, tokens, text.config.hidden_size)
        if graphs:
            graphs.run((before_attention, tokens), through, hidden)
        else:
            through(hidden)

    for tokens in (*TRACED_TOKENS, TIMED_TOKENS):
        run(tokens)
    return min(timed(lambda: run(TIMED_TOKENS), weights.device)[1] for _ in range(TIMING_TRIES))
