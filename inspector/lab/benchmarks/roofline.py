"""Compares forwards with the limits of their device (Williams, Waterman and Patterson, Roofline, 2009).

A token for many rows, and a prefix, against the time that the device needs to move their weights, keys and values, or
to multiply them, whichever is longer. The device's rates are measured in the same run with the engine's kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, NamedTuple

import torch
from torch import nn

from inspector.adapters.vlm.transformers.checkpoint import Checkpoint
from inspector.adapters.vlm.transformers.images import PatchBatch
from inspector.adapters.vlm.transformers.kv_cache import SequenceRows
from inspector.adapters.vlm.transformers.optimize import graph_cache, optimize, pack
from inspector.adapters.vlm.transformers.stopwatch import timed
from inspector.domain.model_card import ModelCard
from inspector.lab.benchmarks.random_weights import TextReader

DECODE_STEPS: Final = 12  # tokens for every row, including the warm-up
WARMUP_STEPS: Final = 2
TIMING_TRIES: Final = 7
COPIED_BYTES: Final = 1 << 28
CPU_MATRIX_SIDE: Final = 2048  # side of the square matrices that are multiplied
GPU_MATRIX_SIDE: Final = 8192


class Roofline(NamedTuple):
    """Times in ms of one step of all rows and of one part's prefix, each with its lower bound.

    `copy_gb_s` counts bytes read and bytes written.
    """

    parts: int
    asks: int
    copy_gb_s: float
    matmul_gflop_s: float
    decode_ms: float
    decode_bound_ms: float
    prefill_ms: float
    prefill_bound_ms: float

    def figures(self) -> dict[str, float]:
        """Return the times with their ratios to the lower bounds."""
        ratios = {
            "decode_over_bound": self.decode_ms / self.decode_bound_ms,
            "prefill_over_bound": self.prefill_ms / self.prefill_bound_ms,
        }
        return {name: round(value, 3) for name, value in (self._asdict() | ratios).items()}


@dataclass(frozen=True, slots=True)
class ModelCost:
    """The least that a model's forwards must move and multiply, from its shape.

    `layers` weights per layer, the head's weights, the `width` of all heads, and the bytes of a weight and of a token's
    keys and values.
    """

    layers: int
    layer: int
    head: int
    width: int
    weight_bytes: int
    token_bytes: int

    @classmethod
    def of(cls, checkpoint: Checkpoint, token_bytes: int) -> ModelCost:
        """Count a checkpoint's weights, before packing hides them."""
        text, model = checkpoint.model.config.text_config, checkpoint.model
        layer = sum(weight.numel() for weight in model.model.language_model.layers[0].parameters())
        width, item = text.num_attention_heads * text.head_dim, model.dtype.itemsize
        return cls(text.num_hidden_layers, layer, model.lm_head.weight.numel(), width, item, token_bytes)

    def step_bytes(self, kept: int) -> int:
        """Return the bytes of one token for every row, over `kept` tokens of all prefixes and rows."""
        return (self.layers * self.layer + self.head) * self.weight_bytes + kept * self.token_bytes

    def step_flops(self, rows: int, seen: int) -> int:
        """Return the operations of one token for `rows` rows that each attend to `seen` tokens."""
        return 2 * rows * (self.layers * (self.layer + 2 * self.width * seen) + self.head)

    def reading_flops(self, tokens: int) -> int:
        """Return the operations of reading `tokens` tokens causally; the last layer needs keys and values only."""
        return 2 * (self.layers - 1) * (self.layer + self.width * tokens) * tokens


class DeviceRates(NamedTuple):
    """The best rates of a device in bytes and operations per second."""

    bytes_s: float
    flop_s: float

    def least_ms(self, moved: float, flops: float) -> float:
        """Return the longer of moving and multiplying; they overlap."""
        return 1e3 * max(moved / self.bytes_s, flops / self.flop_s)


def roofline(
    make: Callable[[], Checkpoint], card: ModelCard, head: Sequence[int], patches: PatchBatch, parts: int, asks: int
) -> Roofline:
    """Measure the language model: it reads the tokens of `head` for every part, then samples for all rows."""
    checkpoint = make()
    reader = TextReader(checkpoint, graph_cache(checkpoint.model, card))
    cost, device = ModelCost.of(checkpoint, reader.token_bytes), checkpoint.model.device
    optimize(checkpoint.model, card)
    rows: list[SequenceRows] = []
    readings: list[float] = []
    for _ in range(parts):
        begun, seconds = timed(lambda: _begun(reader, head, patches, asks), device)
        rows.append(begun)
        readings.append(seconds)
    steps = [timed(lambda: _step(reader, rows, head[-1]), device)[1] for _ in range(DECODE_STEPS)][WARMUP_STEPS:]
    own = 1 + (WARMUP_STEPS + DECODE_STEPS) // 2
    kept, seen = parts * (len(head) + asks * own), len(head) + own
    best = DeviceRates(_copied_bytes_s(device), _flop_s(device, checkpoint.model.dtype))
    return Roofline(
        parts,
        asks,
        best.bytes_s / 1e9,
        best.flop_s / 1e9,
        1e3 * median(steps),
        best.least_ms(cost.step_bytes(kept), cost.step_flops(parts * asks, seen)),
        1e3 * median(readings),
        best.least_ms(cost.step_bytes(len(head)), cost.reading_flops(len(head))),
    )


def _begun(reader: TextReader, head: Sequence[int], patches: PatchBatch, asks: int) -> SequenceRows:
    rows = SequenceRows.begin(reader.look(head, patches), asks, 1 + DECODE_STEPS)
    reader.advance([(rows, [head[-1:]] * asks)]).commit()
    return rows


def _step(reader: TextReader, rows: Sequence[SequenceRows], token: int) -> None:
    reader.advance([(each, [[token]] * len(each.positions)) for each in rows]).commit()


def _copied_bytes_s(device: torch.device) -> float:
    source = torch.ones(COPIED_BYTES, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * COPIED_BYTES / min(timed(lambda: target.copy_(source), device)[1] for _ in range(TIMING_TRIES))


@torch.inference_mode()
def _flop_s(device: torch.device, dtype: torch.dtype) -> float:
    side = CPU_MATRIX_SIDE if device.type == "cpu" else GPU_MATRIX_SIDE
    layer = nn.Sequential(nn.Linear(side, side, bias=False, device=device, dtype=dtype))
    pack(layer)
    given = torch.ones(side, side, device=device, dtype=dtype)
    return 2 * side**3 / min(timed(lambda: layer(given), device)[1] for _ in range(TIMING_TRIES))
