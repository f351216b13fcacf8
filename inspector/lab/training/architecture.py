"""The shape of the checkpoint's model, and the function that saves a checkpoint file by file, each atomically."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Final

import torch
from transformers import PreTrainedTokenizerFast, Qwen3VLConfig, Qwen3VLForConditionalGeneration

from inspector.lab.training.coordinate_code import init_coordinate_embeddings
from inspector.lab.training.vocabulary import (
    END_OF_TEXT,
    IMAGE,
    TURN_END,
    VIDEO,
    VISION_END,
    VISION_START,
    coordinate_words,
)

TOWER_SIDE_PX: Final = 320  # side of a picture in stage 1
# Side of a picture with questions: a tower trained on 320 px finds more defects at a slightly larger size.
QUESTION_SIDE_PX: Final = 352
PATCH_PX: Final = 16  # side of a vision patch
MERGE_SIZE: Final = 2  # patches per side that form one visual token
GRID_SIDE: Final = TOWER_SIDE_PX // PATCH_PX
PATCHES: Final = GRID_SIDE**2
QUESTION_GRID_SIDE: Final = QUESTION_SIDE_PX // PATCH_PX // MERGE_SIZE  # visual tokens per side
VISUAL_TOKENS: Final = QUESTION_GRID_SIDE**2
PIXEL_MEAN: Final = 0.5
PIXEL_STD: Final = 0.5
VISION_WIDTH: Final = 128
TEXT_WIDTH: Final = 128
FILE_MODE: Final = 0o644  # readable by all: the service may run as another user than training
PREPROCESSOR: Final[dict[str, Any]] = {
    "image_processor_type": "Qwen2VLImageProcessor",
    "processor_class": "Qwen3VLProcessor",
    "size": {"shortest_edge": QUESTION_SIDE_PX**2, "longest_edge": QUESTION_SIDE_PX**2},
    "patch_size": PATCH_PX,
    "temporal_patch_size": 2,
    "merge_size": MERGE_SIZE,
    "image_mean": [PIXEL_MEAN] * 3,
    "image_std": [PIXEL_STD] * 3,
}


def make_config(tokenizer: PreTrainedTokenizerFast) -> Qwen3VLConfig:
    """Return the model's configuration for this tokenizer."""
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in tokenizer.all_special_tokens}
    return Qwen3VLConfig(
        text_config=_text_config(len(tokenizer), ids[TURN_END], ids[END_OF_TEXT]),
        vision_config=_vision_config(),
        image_token_id=ids[IMAGE],
        video_token_id=ids[VIDEO],
        vision_start_token_id=ids[VISION_START],
        vision_end_token_id=ids[VISION_END],
        tie_word_embeddings=True,
    )


def _text_config(words: int, end: int, pad: int) -> dict[str, Any]:
    return {
        "vocab_size": words,
        "hidden_size": TEXT_WIDTH,
        "intermediate_size": 3 * TEXT_WIDTH,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "max_position_embeddings": 4096,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [6, 5, 5]},
        "tie_word_embeddings": True,
        "eos_token_id": end,
        "bos_token_id": None,
        "pad_token_id": pad,
    }


def _vision_config() -> dict[str, Any]:
    return {
        "depth": 4,
        "hidden_size": VISION_WIDTH,
        "intermediate_size": 4 * VISION_WIDTH,
        "num_heads": VISION_WIDTH // 64,
        "patch_size": PATCH_PX,
        "temporal_patch_size": 2,
        "spatial_merge_size": MERGE_SIZE,
        "num_position_embeddings": PATCHES,
        "out_hidden_size": TEXT_WIDTH,
        "deepstack_visual_indexes": [1],
    }


def make_model(tokenizer: PreTrainedTokenizerFast, seed: int) -> Qwen3VLForConditionalGeneration:
    """Create a model with random weights; only the embeddings of coordinate words start with their code."""
    torch.manual_seed(seed)
    model = Qwen3VLForConditionalGeneration(make_config(tokenizer))
    init_coordinate_embeddings(
        model.get_input_embeddings(), [tokenizer.convert_tokens_to_ids(text) for text in coordinate_words()]
    )
    model.generation_config.eos_token_id = tokenizer.convert_tokens_to_ids(TURN_END)
    model.generation_config.pad_token_id = tokenizer.convert_tokens_to_ids(END_OF_TEXT)
    return model


def save_checkpoint(model: Qwen3VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write all files into a temporary folder and then rename each: a reader never sees a partly written file."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        fresh = Path(made)
        model.save_pretrained(fresh)
        tokenizer.save_pretrained(fresh)
        (fresh / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR, indent=2) + "\n", encoding="utf-8")
        for file in sorted(fresh.iterdir()):
            file.chmod(FILE_MODE)
            os.replace(file, folder / file.name)
