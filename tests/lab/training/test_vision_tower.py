"""The batched vision tower against the model's own forward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from inspector.lab.training.architecture import MERGE_SIZE, PATCH_PX, TOWER_SIDE_PX
from inspector.lab.training.datasets import CROP_SIDE_PX, Conversation, stack_pictures
from inspector.lab.training.vision_tower import block_order, patchify, run_tower

CLOSE = 2e-5  # float32, summed in another order


@pytest.mark.parametrize("side", [TOWER_SIDE_PX, CROP_SIDE_PX])
def test_the_tower_gives_the_features_of_the_models_own_forward(
    model: Any, folder: Path, conversations: list[Conversation], side: int
) -> None:
    pictures = stack_pictures(
        [picture for conversation in conversations for picture in conversation.pictures]
    ).pictures[:, :side, :side]
    processor = Qwen2VLImageProcessorPil.from_pretrained(folder)
    exactly = {"shortest_edge": side * side, "longest_edge": side * side}
    processed = processor(images=list(pictures), size=exactly, return_tensors="pt")
    with torch.no_grad():
        own = model.model.visual(processed["pixel_values"], grid_thw=processed["image_grid_thw"], return_dict=True)
        ours = run_tower(model.model.visual, patchify(pictures))
    assert (own.last_hidden_state - ours.patches.flatten(0, 1)).abs().max() < CLOSE
    assert (own.pooler_output - ours.tokens.flatten(0, 1)).abs().max() < CLOSE
    assert (own.deepstack_features[0] - ours.deepstack[0].flatten(0, 1)).abs().max() < CLOSE


@pytest.mark.parametrize("pixels", [TOWER_SIDE_PX, CROP_SIDE_PX])
def test_patch_labels_are_in_the_order_of_patches(pixels: int) -> None:
    side = pixels // PATCH_PX
    grid = np.arange(side * side).reshape(1, side, side)
    pictures = np.repeat(np.repeat(grid % 251, 16, 1), 16, 2)[..., None].repeat(3, -1).astype(np.uint8)
    values = ((patchify(pictures)[0, :, 0] * 0.5 + 0.5) * 255).round().long()
    assert torch.equal(values, block_order(grid)[0] % 251)
    assert block_order(grid)[0, : MERGE_SIZE**2].tolist() == [0, 1, side, side + 1]
