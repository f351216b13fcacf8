"""Runs the checkpoint's vision tower on a batch of equal squares.

Weights and results are those of the model's own forward (a test compares them). This version has no loop over pictures
and does not process the frame twice. Half of the training time is spent here.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers.vision_utils import get_vision_interpolation_indices_and_weights, get_vision_position_ids

from inspector.lab.training.architecture import MERGE_SIZE, PATCH_PX, PIXEL_MEAN, PIXEL_STD


class TowerFeatures(NamedTuple):
    """Features per patch and per visual token, and the deepstack layers' tokens; all [pictures, places, width]."""

    patches: Tensor
    tokens: Tensor
    deepstack: list[Tensor]


def patchify(pictures: NDArray[np.uint8] | Tensor) -> Tensor:
    """Convert bytes [n, side, side, 3] to patches [n, patches, 3 * PATCH_PX²] in the processor's order.

    The order is 2 by 2 blocks of patches, row by row.
    """
    n, half = len(pictures), pictures.shape[1] // PATCH_PX // MERGE_SIZE
    cells = torch.as_tensor(pictures).view(n, half, MERGE_SIZE, PATCH_PX, half, MERGE_SIZE, PATCH_PX, 3)
    ordered = cells.permute(0, 1, 4, 2, 5, 7, 3, 6).reshape(n, -1, 3 * PATCH_PX * PATCH_PX)
    return (
        ordered.float().sub_(255.0 * PIXEL_MEAN).div_(255.0 * PIXEL_STD)
    )  # in place, to avoid two copies of all patches


def block_order(grid: NDArray[Any] | Tensor) -> Tensor:
    """Convert labels [n, rows, rows, ...] to the order of `patchify`: [n, patches, ...]."""
    rows = torch.as_tensor(grid)
    half = rows.shape[1] // MERGE_SIZE
    blocks = rows.view(-1, half, MERGE_SIZE, half, MERGE_SIZE, *rows.shape[3:]).transpose(2, 3)
    return blocks.reshape(len(rows), -1, *rows.shape[3:])


def run_tower(visual: Any, patches: Tensor) -> TowerFeatures:
    """Run the tower on the output of `patchify`."""
    side = math.isqrt(patches.shape[1])
    grid = torch.tensor([[1, side, side]], device=patches.device)
    x = F.linear(patches, _flat_kernel(visual.patch_embed.proj), visual.patch_embed.proj.bias) + _position_embeddings(
        visual, grid
    )
    cos, sin = visual.rotary_pos_emb(x, get_vision_position_ids(grid, MERGE_SIZE))
    deepstack = []
    for layer, block in enumerate(visual.blocks):
        x = x + _attend(block.attn, block.norm1(x), cos, sin)
        x = x + block.mlp(block.norm2(x))
        if layer in visual.deepstack_visual_indexes:
            merger = visual.deepstack_merger_list[visual.deepstack_visual_indexes.index(layer)]
            deepstack.append(_merge(merger, x))
    return TowerFeatures(x, _merge(visual.merger, x), deepstack)


def _flat_kernel(proj: nn.Conv3d) -> Tensor:
    """Sum both time steps of the kernel: the processor's patches hold the picture twice."""
    return proj.weight.sum(2).flatten(1)


def _position_embeddings(visual: Any, grid: Tensor) -> Tensor:
    """Return the interpolated position embeddings of the patches."""
    indices, weights = get_vision_interpolation_indices_and_weights(
        grid,
        num_grid_per_side=visual.num_grid_per_side,
        mode=visual.interpolation_mode,
        align_corners=visual.interpolation_align_corners,
        spatial_merge_size=MERGE_SIZE,
    )
    embeddings: Tensor = (visual.pos_embed(indices) * weights[:, :, None]).sum(1)
    return embeddings


def _attend(attn: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply self-attention within each picture."""
    n, places, width = x.shape
    q, k, v = attn.qkv(x).view(n, places, 3, attn.num_heads, -1).permute(2, 0, 3, 1, 4)
    # Not the fused kernel: its backward pass takes three times as long on a CPU at this size.
    weights = (_rotate(q, cos, sin) * attn.scaling) @ _rotate(k, cos, sin).transpose(-1, -2)
    with torch.autocast(x.device.type, enabled=False):  # autocast would run the softmax in 32 bits: a sixth of the step
        mixed = weights.softmax(-1) @ v
    out: Tensor = attn.proj(mixed.transpose(1, 2).reshape(n, places, width))
    return out


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply rotary position embeddings."""
    first, second = x.chunk(2, -1)
    return x * cos.to(x.dtype) + torch.cat((-second, first), -1) * sin.to(x.dtype)


def _merge(merger: Any, x: Tensor) -> Tensor:
    """Merge blocks of patches into visual tokens."""
    n, places, _ = x.shape
    merged: Tensor = merger(x.reshape(n * places, -1))
    return merged.view(n, places // MERGE_SIZE**2, -1)
