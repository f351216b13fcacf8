"""A Qwen3-VL of middle size with random weights, for measuring: what it says means nothing, but takes as long as if it
did. Tokenizer, picture processor and special tokens are another checkpoint's."""

from __future__ import annotations

from typing import Any, Final

import torch

from inspector.vlm.checkpoint import Checkpoint

TEXT: Final[dict[str, Any]] = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "num_key_value_heads": 4,
    "head_dim": 64,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [12, 10, 10]},
}
VISION: Final[dict[str, Any]] = {
    "depth": 8,
    "hidden_size": 384,
    "intermediate_size": 1536,
    "num_heads": 6,
    "out_hidden_size": 768,
    "deepstack_visual_indexes": [2, 4, 6],
}


def stand_in(like: Checkpoint, seed: int = 0) -> Checkpoint:
    """The same weights for the same seed."""
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    known = like.model.config.to_dict()
    config = Qwen3VLConfig.from_dict(
        known | {"text_config": known["text_config"] | TEXT, "vision_config": known["vision_config"] | VISION}
    )
    torch.manual_seed(seed)
    model = Qwen3VLForConditionalGeneration(config).eval()
    model.generation_config = like.model.generation_config
    return Checkpoint(model, like.tokenizer, like.processor)
