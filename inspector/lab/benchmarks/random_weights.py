"""A Qwen3-VL of some size with random weights, for measuring: its answers mean nothing, but take as long as real ones.

It draws no end of text. Tokenizer, image processor and special tokens come from another checkpoint. Also its language
model alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch

from inspector.adapters.vlm.transformers.checkpoint import Checkpoint
from inspector.adapters.vlm.transformers.cuda_graph import GraphCache
from inspector.adapters.vlm.transformers.images import PatchBatch
from inspector.adapters.vlm.transformers.kv_cache import KeptPrefix, UnreadPrefix
from inspector.adapters.vlm.transformers.model_forward import ModelForward, RowTokens, VisionLanguageModel

if TYPE_CHECKING:
    from transformers import Qwen3VLForConditionalGeneration


class ModelSize(NamedTuple):
    """What differs from the other checkpoint's configuration, in the language model and in the vision tower."""

    text: Mapping[str, Any]
    vision: Mapping[str, Any]


MIDDLE: Final = ModelSize(
    {
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "num_key_value_heads": 4,
        "head_dim": 64,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [12, 10, 10]},
    },
    {
        "depth": 8,
        "hidden_size": 384,
        "intermediate_size": 1536,
        "num_heads": 6,
        "out_hidden_size": 768,
        "deepstack_visual_indexes": [2, 4, 6],
    },
)
QWEN3_VL_8B: Final = ModelSize(
    {
        "vocab_size": 151936,
        "hidden_size": 4096,
        "intermediate_size": 12288,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "tie_word_embeddings": False,
        "rope_parameters": {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [24, 20, 20]},
    },
    {
        "depth": 27,
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_heads": 16,
        "num_position_embeddings": 2304,
        "out_hidden_size": 4096,
        "deepstack_visual_indexes": [8, 16, 24],
    },
)
SIZES: Final[Mapping[str, ModelSize]] = {"middle": MIDDLE, "8b": QWEN3_VL_8B}


def stand_in(like: Checkpoint, size: ModelSize = MIDDLE, seed: int = 0) -> Checkpoint:
    """Build the model; the same seed gives the same weights.

    They are drawn on their device and in their type: 8 B parameters from elsewhere would take minutes and 35 GB.
    """
    from transformers import AutoModelForImageTextToText, Qwen3VLConfig

    known = like.model.config.to_dict()
    config = Qwen3VLConfig.from_dict(
        known
        | {"text_config": known["text_config"] | size.text, "vision_config": known["vision_config"] | size.vision}
        | {"tie_word_embeddings": size.text.get("tie_word_embeddings", known["tie_word_embeddings"])}
    )
    torch.manual_seed(seed)
    with torch.device(like.model.device):
        model = AutoModelForImageTextToText.from_config(config, dtype=like.model.dtype, attn_implementation="sdpa")
    model.generation_config = like.model.generation_config
    return Checkpoint(model.eval(), like.tokenizer, like.processor)


class EndlessModel(VisionLanguageModel):
    """Draws no token that ends a text, as `generate` draws none before `min_new_tokens`."""

    def __init__(self, checkpoint: Checkpoint, graphs: GraphCache | None = None) -> None:
        super().__init__(checkpoint.model, graphs=graphs)
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
    shape = {key: known[key] for key in (*MIDDLE.text, "vocab_size", "rms_norm_eps", "max_position_embeddings")}
    shape["rope_parameters"] = {key: known["rope_parameters"][key] for key in ("rope_type", "rope_theta")}
    Qwen3Config(**shape, tie_word_embeddings=False, architectures=["Qwen3ForCausalLM"]).save_pretrained(folder)
    weights = {f"model.{name}": each for name, each in model.model.language_model.state_dict().items()}
    weights["lm_head.weight"] = model.lm_head.weight.clone()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
