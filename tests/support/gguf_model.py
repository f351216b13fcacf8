"""Writes a Qwen3-VL checkpoint as llama.cpp reads it: one GGUF file for the language model, one for the vision tower.
Knows the names that both sides have for the same numbers. Its tokenizer must split words as Qwen's does."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from gguf import GGUFWriter, TokenType
from numpy.typing import NDArray
from safetensors.numpy import load_file

Tensor = NDArray[np.float32]
Config = dict[str, Any]
LANGUAGE = {
    r"embed_tokens": "token_embd",
    r"norm": "output_norm",
    r"layers\.(\d+)\.input_layernorm": r"blk.\1.attn_norm",
    r"layers\.(\d+)\.post_attention_layernorm": r"blk.\1.ffn_norm",
    r"layers\.(\d+)\.self_attn\.([qkv])_proj": r"blk.\1.attn_\2",
    r"layers\.(\d+)\.self_attn\.([qk])_norm": r"blk.\1.attn_\2_norm",
    r"layers\.(\d+)\.self_attn\.o_proj": r"blk.\1.attn_output",
    r"layers\.(\d+)\.mlp\.(gate|up|down)_proj": r"blk.\1.ffn_\2",
}
VISION = {
    r"pos_embed": "v.position_embd",
    r"patch_embed\.proj": "v.patch_embd",
    r"blocks\.(\d+)\.norm([12])": r"v.blk.\1.ln\2",
    r"blocks\.(\d+)\.attn\.qkv": r"v.blk.\1.attn_qkv",
    r"blocks\.(\d+)\.attn\.proj": r"v.blk.\1.attn_out",
    r"blocks\.(\d+)\.mlp\.linear_fc1": r"v.blk.\1.ffn_up",
    r"blocks\.(\d+)\.mlp\.linear_fc2": r"v.blk.\1.ffn_down",
    r"merger\.norm": "v.post_ln",
    r"merger\.linear_fc1": "mm.0",
    r"merger\.linear_fc2": "mm.2",
    r"deepstack_merger_list\.(\d+)\.norm": r"v.deepstack.\1.norm",
    r"deepstack_merger_list\.(\d+)\.linear_(fc[12])": r"v.deepstack.\1.\2",
}


class GgufModel(NamedTuple):
    """Both files."""

    language: Path
    vision: Path


def write_gguf(checkpoint: Path, folder: Path) -> GgufModel:
    config = json.loads((checkpoint / "config.json").read_text())
    tensors = load_file(checkpoint / "model.safetensors")
    found = GgufModel(folder / "language.gguf", folder / "vision.gguf")
    language = GGUFWriter(found.language, "qwen3vl")
    _describe_language(language, config)
    _describe_words(language, checkpoint)
    _finish(language, _renamed(tensors, "model.language_model.", LANGUAGE))
    vision = GGUFWriter(found.vision, "clip")
    _describe_vision(vision, config["vision_config"], json.loads((checkpoint / "preprocessor_config.json").read_text()))
    _finish(vision, _for_vision(tensors, config["vision_config"]))
    return found


def _describe_language(writer: GGUFWriter, config: Config) -> None:
    text = config["text_config"]
    rope = text["rope_parameters"]
    writer.add_context_length(text["max_position_embeddings"])
    writer.add_embedding_length(text["hidden_size"])
    writer.add_block_count(text["num_hidden_layers"])
    writer.add_feed_forward_length(text["intermediate_size"])
    writer.add_head_count(text["num_attention_heads"])
    writer.add_head_count_kv(text["num_key_value_heads"])
    writer.add_key_length(text["head_dim"])
    writer.add_value_length(text["head_dim"])
    writer.add_layer_norm_rms_eps(text["rms_norm_eps"])
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_rope_dimension_sections([*rope["mrope_section"], 0])
    writer.add_num_deepstack_layers(len(config["vision_config"]["deepstack_visual_indexes"]))


def _describe_words(writer: GGUFWriter, checkpoint: Path) -> None:
    tokenizer = json.loads((checkpoint / "tokenizer.json").read_text())
    special = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    ids = {**tokenizer["model"]["vocab"], **special}
    tokens = sorted(ids, key=ids.__getitem__)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if token in special else TokenType.NORMAL for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    writer.add_eos_token_id(ids["<|im_end|>"])
    writer.add_pad_token_id(ids["<|endoftext|>"])
    writer.add_add_bos_token(False)
    writer.add_chat_template((checkpoint / "chat_template.jinja").read_text())


def _describe_vision(writer: GGUFWriter, vision: Config, processor: Config) -> None:
    writer.add_type("mmproj")
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_projector_type("qwen3vl_merger")
    writer.add_vision_use_gelu(True)
    writer.add_vision_patch_size(vision["patch_size"])
    writer.add_vision_image_size(math.isqrt(vision["num_position_embeddings"]) * vision["patch_size"])
    writer.add_vision_embedding_length(vision["hidden_size"])
    writer.add_vision_feed_forward_length(vision["intermediate_size"])
    writer.add_vision_projection_dim(vision["out_hidden_size"])
    writer.add_vision_block_count(vision["depth"])
    writer.add_vision_head_count(vision["num_heads"])
    writer.add_vision_attention_layernorm_eps(1e-6)
    writer.add_vision_spatial_merge_size(vision["spatial_merge_size"])
    writer.add_vision_image_mean(processor["image_mean"])
    writer.add_vision_image_std(processor["image_std"])
    writer.add_vision_is_deepstack_layers(
        [layer in vision["deepstack_visual_indexes"] for layer in range(vision["depth"])]
    )


def _for_vision(tensors: dict[str, Tensor], vision: Config) -> Iterator[tuple[str, Tensor]]:
    """The two moments of the patch embedding apart, and deepstack numbered by the layer it looks at."""
    layers = vision["deepstack_visual_indexes"]
    for name, tensor in _renamed(tensors, "model.visual.", VISION):
        if name == "v.patch_embd.weight":
            yield name, np.ascontiguousarray(tensor[:, :, 0])
            yield f"{name}.1", np.ascontiguousarray(tensor[:, :, 1])
        else:
            yield re.sub(r"(?<=deepstack\.)\d+", lambda number: str(layers[int(number[0])]), name), tensor


def _renamed(tensors: dict[str, Tensor], prefix: str, names: dict[str, str]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in tensors.items():
        if name.startswith(prefix):
            stem, _, kind = name.removeprefix(prefix).rpartition(".")
            yield f"{_new_name(stem, names)}.{kind}", tensor


def _new_name(stem: str, names: dict[str, str]) -> str:
    for old, new in names.items():
        if found := re.fullmatch(old, stem):
            return found.expand(new)
    raise KeyError(f"llama.cpp has no name for {stem}")


def _finish(writer: GGUFWriter, tensors: Iterable[tuple[str, Tensor]]) -> None:
    for name, tensor in tensors:
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
