"""The vision tower of one model, run without waiting for its device.

What follows from the sizes of pictures alone is computed once for each combination and passed to transformers' tower.
Computed inside, it would be read back from a GPU at every layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final, NamedTuple

import torch
from torch import Tensor
from transformers.vision_utils import (
    get_vision_cu_seqlens,
    get_vision_interpolation_indices_and_weights,
    get_vision_position_ids,
)

from inspector.adapters.vlm.transformers.cuda_graph import GraphCache
from inspector.adapters.vlm.transformers.images import PatchBatch

if TYPE_CHECKING:
    from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLVisionModel

MAX_KNOWN_SIZES: Final = 64  # combinations of picture sizes whose geometry is kept
Sizes = tuple[tuple[int, ...], ...]  # patches of each picture in time, rows and columns


class VisionFeatures(NamedTuple):
    """What the tower sees: `patches` [patches, width], `merged` and each of `deepstack` [picture tokens, width]."""

    patches: Tensor
    merged: Tensor
    deepstack: Sequence[Tensor]


class VisionTower:
    """transformers' vision tower, which gets the geometry of its pictures from outside."""

    def __init__(self, visual: Qwen3VLVisionModel, graphs: GraphCache | None = None) -> None:
        self._visual, self._graphs = visual, graphs
        self._geometry: Callable[[Sizes], Mapping[str, Tensor]] = lru_cache(MAX_KNOWN_SIZES)(self._computed)

    def see(self, patches: PatchBatch) -> VisionFeatures:
        """Run the tower. With graphs the result is valid until they run other work."""
        sizes = tuple(map(tuple, patches.grid.tolist()))
        see = partial(self._seen, self._geometry(sizes))
        if self._graphs:
            found = self._graphs.run(("vision tower", sizes), see, patches.pixels)
        else:
            found = see(patches.pixels.to(self._visual.device))
        return VisionFeatures(found[0], found[1], found[2:])

    def _seen(self, geometry: Mapping[str, Tensor], pixels: Tensor) -> Sequence[Tensor]:
        seen = self._visual(pixels.to(self._visual.dtype), return_dict=True, **geometry)
        return (seen.last_hidden_state, seen.pooler_output, *seen.deepstack_features)

    def _computed(self, sizes: Sizes) -> Mapping[str, Tensor]:
        visual, grid = self._visual, torch.tensor(sizes)
        places, weights = get_vision_interpolation_indices_and_weights(
            grid,
            visual.num_grid_per_side,
            mode=visual.interpolation_mode,
            align_corners=visual.interpolation_align_corners,
            spatial_merge_size=visual.spatial_merge_size,
        )
        on_device = {
            "grid_thw": grid,
            "interp_indices": places,
            "interp_weights": weights,
            "position_ids": get_vision_position_ids(grid, visual.spatial_merge_size),
        }
        lengths = get_vision_cu_seqlens(grid)  # every layer reads them number by number, so they stay on the CPU
        return {name: each.to(visual.device) for name, each in on_device.items()} | {"cu_seqlens": lengths}
