"""Tiny checkpoints of the other kinds of Qwen3-VL: a mixture of experts, and one that thinks first."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from support import tiny_model
from transformers import AutoTokenizer, Qwen2VLImageProcessorPil, Qwen3VLMoeConfig, Qwen3VLMoeForConditionalGeneration

THINKING_TEMPLATE = tiny_model.CHAT_TEMPLATE.replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}")


def copied(folder: Path) -> Path:
    """A copy of the tiny checkpoint in this folder, under the name that its card has."""
    return Path(shutil.copytree(tiny_model.folder() / "tiny", folder / "tiny"))


def mixture_of_experts(folder: Path) -> Path:
    path = copied(folder)
    known = json.loads((path / "config.json").read_text())
    text = known["text_config"] | {
        "model_type": "qwen3_vl_moe_text",
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 32,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
    }
    vision = known["vision_config"] | {"model_type": "qwen3_vl_moe_vision"}
    whole = known | {"model_type": "qwen3_vl_moe", "text_config": text, "vision_config": vision}
    torch.manual_seed(1)
    model: Any = Qwen3VLMoeForConditionalGeneration(Qwen3VLMoeConfig.from_dict(whole))
    for weights in model.parameters():
        if weights.dim() == 3:  # of the experts, which transformers leaves as they are allocated
            torch.nn.init.normal_(weights, std=0.02)
    tokenizer = AutoTokenizer.from_pretrained(path)
    tiny_model.train(model, tokenizer, Qwen2VLImageProcessorPil.from_pretrained(path)).save_pretrained(path)
    return path


def thinking(folder: Path) -> Path:
    """The tiny model behind a template that opens a thought, as that of a Thinking checkpoint does."""
    path = copied(folder)
    (path / "chat_template.jinja").write_text(THINKING_TEMPLATE)
    return path
