"""Finds and loads a Qwen3-VL checkpoint as the model card asks. Every fault becomes a ModelError with its remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import torch

from inspector.adapters.vlm.checkpoint_config import read_checkpoint_config
from inspector.domain.model_card import ModelCard
from inspector.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, Qwen2VLImageProcessorPil, Qwen3VLForConditionalGeneration

FILES: Final = ("*.json", "*.jinja", "*.safetensors", "*.txt")
TEMPLATE_ADVICE: Final = "add chat_template.jinja, or take the checkpoint from where it was complete"


class Checkpoint(NamedTuple):
    """A loaded checkpoint: model, tokenizer, image processor. A mixture of experts has the same methods."""

    model: Qwen3VLForConditionalGeneration
    tokenizer: PreTrainedTokenizerBase
    processor: Qwen2VLImageProcessorPil

    @property
    def end_tokens(self) -> frozenset[int]:
        """The tokens that end an answer."""
        declared = self.model.generation_config.eos_token_id
        listed = declared if isinstance(declared, list) else [declared]
        return frozenset(token for token in (*listed, self.tokenizer.eos_token_id) if token is not None)


def load_checkpoint(card: ModelCard, path: Path) -> Checkpoint:
    """Load the checkpoint at this path. Raises ModelError with the remedy."""
    device = _device(card)
    config = read_checkpoint_config(card, path)
    from transformers import logging

    logging.disable_progress_bar()
    try:
        model = _model(card, path, config.network, device if config.quantisation else None)
        return Checkpoint(model if config.quantisation else model.to(device), _tokenizer(path), _processor(path))
    except ModelError:
        raise
    except Exception as error:  # transformers, safetensors and tokenizers raise any exception, up to Rust panics
        remedy = f"see what {config.quantisation} weights need" if config.quantisation else "fetch the checkpoint again"
        raise ModelError(f"model {card.name}: {path} can't be loaded: {error}; {remedy}") from error


def find_checkpoint(card: ModelCard, folder: Path) -> Path:
    """Return the checkpoint's folder: relative to the card, or downloaded (or cached) by its hub id."""
    path = folder / card.checkpoint
    if path.is_dir():
        return path
    if card.checkpoint.count("/") != 1 or card.checkpoint.startswith((".", "/")):
        raise ModelError(f"model {card.name}: there is no folder {path}; correct `checkpoint` in the card")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(card.checkpoint, revision=card.revision, allow_patterns=list(FILES)))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"model {card.name}: {card.checkpoint} (revision {card.revision or 'main'}) is no folder next to the card "
            f"and can't be fetched: {error}; fetch it once while online, or name a folder in `checkpoint`"
        ) from error


def _device(card: ModelCard) -> torch.device:
    if card.num_gpus > 1:
        raise ModelError(
            f"model {card.name}: one replica uses one GPU; set num_gpus: 1 and raise `replicas`, or serve a model that "
            "needs several GPUs with vLLM (--tensor-parallel-size) and name a card with engine: openai"
        )
    if card.num_gpus > 0 and not torch.cuda.is_available():
        raise ModelError(
            f"model {card.name}: num_gpus is {card.num_gpus:g} but no CUDA device is visible; "
            "install a CUDA build of torch on a machine with a GPU, or set num_gpus: 0"
        )
    device = torch.device("cuda" if card.num_gpus > 0 else "cpu")
    if card.dtype == "float16" and device.type == "cpu":
        raise ModelError(f"model {card.name}: dtype float16 needs a GPU; write float32 or bfloat16")
    if card.dtype == "bfloat16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise ModelError(f"model {card.name}: this GPU has no bfloat16; write float16 or float32")
    return device


def _model(card: ModelCard, path: Path, name: str, device: torch.device | None) -> Qwen3VLForConditionalGeneration:
    import transformers

    model, loading = getattr(transformers, name).from_pretrained(
        path,
        dtype=getattr(torch, card.dtype),
        device_map=device,  # quantised weights can't be moved later
        attn_implementation="sdpa",
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
    )
    if loading["missing_keys"]:  # transformers would continue with random numbers instead
        raise ModelError(f"{path}: weights are missing: {_some(loading['missing_keys'])}; fetch the checkpoint again")
    network: Qwen3VLForConditionalGeneration = model.eval()
    return network


def _tokenizer(path: Path) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
    tokenizer.chat_template = tokenizer.chat_template or _template_file(path)
    if not tokenizer.chat_template:
        raise ModelError(f"{path}: there is no chat template; {TEMPLATE_ADVICE}")
    return tokenizer


def _template_file(path: Path) -> str | None:
    """Return the template of chat_template.json, where older checkpoints have it and only the processor looks."""
    try:
        template = json.loads((path / "chat_template.json").read_text())["chat_template"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return template if isinstance(template, str) else None


def _processor(path: Path) -> Qwen2VLImageProcessorPil:
    """Load the image processor only: Qwen3VLProcessor requires torchvision for videos."""
    from transformers import Qwen2VLImageProcessorPil

    return Qwen2VLImageProcessorPil.from_pretrained(path, local_files_only=True)


def _some(names: object) -> str:
    listed = sorted(map(str, names)) if isinstance(names, (list, set)) else [str(names)]
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")
