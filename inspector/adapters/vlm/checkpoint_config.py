"""A checkpoint's config.json: whether the engine can run it, before torch or a weight is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

from inspector.domain.model_card import ModelCard
from inspector.errors import ModelError

ARCHITECTURES: Final = {  # by model_type: dense, and mixture of experts
    "qwen3_vl": "Qwen3VLForConditionalGeneration",
    "qwen3_vl_moe": "Qwen3VLMoeForConditionalGeneration",
}
QUANTISATION_PACKAGES: Final = {  # by quant_method: what transformers needs to load it
    "fp8": ("accelerate",),
    "awq": ("gptqmodel", "accelerate"),
    "gptq": ("gptqmodel", "optimum", "accelerate"),
    "compressed-tensors": ("compressed_tensors", "accelerate"),
    "bitsandbytes": ("bitsandbytes", "accelerate"),
}


class CheckpointConfig(NamedTuple):
    """The class of the network in transformers, and the kind of its weights where they are quantised."""

    network: str
    quantisation: str | None


def read_checkpoint_config(card: ModelCard, path: Path) -> CheckpointConfig:
    """Read the configuration of a checkpoint. Raises ModelError, with the remedy, if it can't run here."""
    config = _read(path)
    _check_architecture(path, config)
    return CheckpointConfig(ARCHITECTURES[config["model_type"]], _quantisation(card, config))


def _read(path: Path) -> dict[str, Any]:
    file = path / "config.json"
    try:
        config = json.loads(file.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{file} can't be read: {error}; name a complete checkpoint folder in `checkpoint`") from error
    return config if isinstance(config, dict) else {}


def _check_architecture(path: Path, config: Mapping[str, Any]) -> None:
    found = config.get("model_type")
    if found not in ARCHITECTURES:
        raise ModelError(
            f"{path / 'config.json'}: model_type is {found!r}; this engine runs Qwen3-VL only "
            f"({', '.join(ARCHITECTURES)}); serve another model with vLLM and name a card with engine: openai"
        )


def _quantisation(card: ModelCard, config: Mapping[str, Any]) -> str | None:
    """Return the kind of quantised weights, None for plain ones. Raises ModelError for one that can't run here."""
    declared = config.get("quantization_config")
    if not isinstance(declared, dict):
        return None
    kind = str(declared.get("quant_method"))
    serve = "or serve it with vLLM and name a card with engine: openai"
    if kind not in QUANTISATION_PACKAGES:
        known = ", ".join(QUANTISATION_PACKAGES)
        raise ModelError(f"model {card.name}: {kind} weights are not supported, {known} are; name another, {serve}")
    if not card.num_gpus:
        raise ModelError(
            f"model {card.name}: {kind} weights need a GPU; set num_gpus: 1, name the checkpoint without {kind}, "
            f"{serve}"
        )
    missing = [name for name in QUANTISATION_PACKAGES[kind] if find_spec(name) is None]
    if missing:
        raise ModelError(
            f"model {card.name}: {kind} weights need {', '.join(missing)}, not installed here; "
            f"pip install {' '.join(missing)}, name the checkpoint without {kind}, {serve}"
        )
    return kind
