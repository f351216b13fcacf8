"""A Qwen3-VL of medium size with random weights, for measuring: its answers mean nothing, but take as long as real
ones.

It draws no end of text. Tokenizer, image processor and special tokens come from another checkpoint. Also its language
model alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

from inspector.adapters.vlm.transformers.checkpoint import Checkpoint
from inspector.adapters.vlm.transformers.images import PatchBatch
from inspector.adapters.vlm.transformers.kv_cache import KeptPrefix, UnreadPrefix
from inspector.adapters.vlm.transformers.model_forward import ModelForward, RowTokens, VisionLanguageModel

if TYPE_CHECKING:
    from transformers import Qwen3VLForConditionalGeneration

TEXT_SHAPE: Final[dict[str, Any]] = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "num_key_value_heads": 4,
    "head_dim": 64,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [12, 10, 10]},
}
VISION_SHAPE: Final[dict[str, Any]] = {
    "depth": 8,
    "hidden_size": 384,
    "intermediate_size": 1536,
    "num_heads": 6,
    "out_hidden_size": 768,
    "deepstack_visual_indexes": [2, 4, 6],
}


def stand_in(like: Checkpoint, seed: int = 0) -> Checkpoint:
    """Build the model; the same seed gives the same weights."""
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    known = like.model.config.to_dict()
    config = Qwen3VLConfig.from_dict(
        known
        | {"text_config": known["text_config"] | TEXT_SHAPE, "vision_config": known["vision_config"] | VISION_SHAPE}
    )
    torch.manual_seed(seed)
    model = Qwen3VLForConditionalGeneration(config).to(like.model.device, like.model.dtype).eval()
    model.generation_config = like.model.generation_config
    return Checkpoint(model, like.tokenizer, like.processor)


class EndlessModel(VisionLanguageModel):
    """Draws no token that ends a text, as `generate` draws none before `min_new_tokens`."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint.model)
        self._ends = list(checkpoint.end_tokens)

    @torch.inference_mode()
    def advance(self, batch: Sequence[RowTokens]) -> ModelForward:
        forward = super().advance(batch)
        forward.logits[:, self._ends] = -math.inf
        return forward


class TextReader(EndlessModel):
    """The language model only: it reads picture tokens as words."""

    @torch.inference_mode()
    def look(self, tokens: Sequence[int], patches: PatchBatch) -> KeptPrefix:  # noqa: ARG002
        ids = torch.tensor(tokens, device=self._device)
        places = torch.arange(len(tokens), device=self._device).expand(3, -1)
        words = self._model.get_input_embeddings()(ids)
        unread = UnreadPrefix(words, places, ())
        return KeptPrefix((), len(tokens), len(tokens), unread=unread)


def save_language_model(model: Qwen3VLForConditionalGeneration, folder: Path) -> None:
    """Save it as a Qwen3, which every text engine runs: on text alone the two are the same."""
    from safetensors.torch import save_file
    from transformers import Qwen3Config

    known = model.config.text_config.to_dict()
    shape = {key: known[key] for key in (*TEXT_SHAPE, "vocab_size", "rms_norm_eps", "max_position_embeddings")}
    shape["rope_parameters"] = {key: known["rope_parameters"][key] for key in ("rope_type", "rope_theta")}
    Qwen3Config(**shape, tie_word_embeddings=False, architectures=["Qwen3ForCausalLM"]).save_pretrained(folder)
    weights = {f"model.{name}": each for name, each in model.model.language_model.state_dict().items()}
    weights["lm_head.weight"] = model.lm_head.weight.clone()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
