"""Decoder layers whose small operations are compiled into few: on a GPU, launching norms, rotations and gates one by
one takes longer than the multiplications between them. Attention stays as it is. The device is asked whether it pays.
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

from inspector.adapters.vlm.transformers.shared_prefix_attention import Segment, attended
from inspector.adapters.vlm.transformers.stopwatch import timed

ROWS: Final = 144  # 16 parts with 9 rows each
SIZES: Final = (1, ROWS, 1024)  # tokens; a single one is compiled apart
TRIES: Final = 5
Before = Callable[[Qwen3VLTextDecoderLayer, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
After = Callable[[Qwen3VLTextDecoderLayer, Tensor, Tensor], Tensor]
_LOG = logging.getLogger(__name__)


def before(layer: Qwen3VLTextDecoderLayer, hidden: Tensor, cosines: Tensor, sines: Tensor) -> tuple[Tensor, Tensor]:
    """Hidden states [1, tokens, width] to queries [tokens, folds, groups, width of a head], new keys and values
    [tokens, 2, groups, width]."""
    attention, normed = layer.self_attn, layer.input_layernorm(hidden)
    heads = (*hidden.shape[:-1], -1, attention.head_dim)
    queries = attention.q_norm(attention.q_proj(normed).view(heads)).transpose(1, 2)
    keys = attention.k_norm(attention.k_proj(normed).view(heads)).transpose(1, 2)
    queries, keys = apply_rotary_pos_emb(queries, keys, cosines, sines)
    values = attention.v_proj(normed).view(heads)
    apart = queries[0].unflatten(0, (-1, attention.num_key_value_groups)).permute(2, 1, 0, 3)
    return apart.contiguous(), torch.stack([keys[0].transpose(0, 1), values[0]], dim=1)


def after(layer: Qwen3VLTextDecoderLayer, hidden: Tensor, found: Tensor) -> Tensor:
    """What the layer makes of its hidden states, and of what attention found [tokens, folds, groups, width]."""
    hidden = hidden + layer.self_attn.o_proj(found.transpose(1, 2).flatten(1))
    made: Tensor = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
    return made


class CompiledLayer(nn.Module):
    """A decoder layer in place of transformers' own, for rows of `attention.Segment`."""

    def __init__(self, layer: Qwen3VLTextDecoderLayer, before: Before, after: After) -> None:
        super().__init__()
        self.layer = layer
        self._before, self._after = before, after

    def forward(
        self, hidden: Tensor, position_embeddings: tuple[Tensor, Tensor], segments: Sequence[Segment], **_: object
    ) -> Tensor:
        """Hidden states [1, tokens, width] to the same."""
        module = self.layer.self_attn
        queries, new = self._before(self.layer, hidden, *position_embeddings)
        found = attended(segments, module.layer_idx, queries, new, module.scaling)
        return self._after(self.layer, hidden, found)


def compile_layers(model: nn.Module) -> bool:
    """Compiles the decoder layers of a model that is not packed, in place, where that can be done and makes them
    faster; tells whether it did. Takes half a minute or so."""
    text = next(module for module in model.modules() if isinstance(module, Qwen3VLTextModel))
    layers = [layer for layer in text.layers if isinstance(layer, Qwen3VLTextDecoderLayer)]
    if not layers:
        return False
    settings: dict[str, Any] = {"dynamic": True, "options": {"emulate_precision_casts": True}}  # rounds as before
    compiled = torch.compile(before, **settings), torch.compile(after, **settings)
    try:
        seconds = [_seconds(text, layers, *pair) for pair in ((before, after), compiled)]
    except Exception as error:  # a compiler that is missing or fails can raise anything; the layers work without
        _LOG.warning("decoder layers stay as they are, for they can't be compiled: %s", str(error).partition("\n")[0])
        return False
    plain_s, compiled_s = seconds
    _LOG.info("decoder layers without attention: %.1f ms, compiled %.1f ms", 1e3 * plain_s, 1e3 * compiled_s)
    if compiled_s >= plain_s:
        return False
    text.layers = nn.ModuleList(CompiledLayer(layer, *compiled) for layer in layers)
    return True


@torch.inference_mode()
def _seconds(text: Qwen3VLTextModel, layers: Sequence[Qwen3VLTextDecoderLayer], before: Before, after: After) -> float:
    """For ROWS tokens through all layers, attention left out; every size was seen before."""
    weights = layers[0].self_attn.q_proj.weight

    def through(tokens: int) -> None:
        hidden = torch.zeros(1, tokens, text.config.hidden_size, device=weights.device, dtype=weights.dtype)
        rotation = text.rotary_emb(hidden, torch.arange(tokens, device=weights.device).expand(3, 1, -1))
        for layer in layers:
            queries, _ = before(layer, hidden, *rotation)
            hidden = after(layer, hidden, queries)

    for tokens in SIZES:
        through(tokens)
    return min(timed(lambda: through(ROWS), weights.device)[1] for _ in range(TRIES))
