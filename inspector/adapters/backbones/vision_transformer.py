"""A vision transformer from a folder in transformers format, such as DINOv2, as a backbone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from inspector.adapters.backbones.pixels import scaled_pixels
from inspector.errors import ModelError
from inspector.ports.engine import PatchMap, Picture

AREA_PX: Final = 448 * 448
CHANNEL_MEANS: Final = (123.675, 116.28, 103.53)  # of ImageNet, as these networks are trained
CHANNEL_DEVIATIONS: Final = (58.395, 57.12, 57.375)
WEIGHTS: Final = ("*.safetensors",)  # never pickles
MAP_STRIDE: Final = 16  # the name of its only map, whatever the exact patch size
FINGERPRINT_CHARS: Final = 16


class VisionTransformerBackbone:
    """The patch tokens of the last layer. Thread-safe: inference changes no state."""

    def __init__(self, name: str, fingerprint: str, network: Any, patch_px: int) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self._network = network
        self._patch_px = patch_px

    @classmethod
    def load(cls, folder: Path) -> VisionTransformerBackbone:
        """Load the checkpoint. Raises ModelError with the remedy."""
        from transformers import AutoModel

        try:
            network = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
            patch_px = int(network.config.patch_size)
        except Exception as error:  # transformers and safetensors raise any kind
            raise ModelError(
                f"backbone {folder} can't be loaded: {error}; name a folder with config.json and *.safetensors "
                "of a vision transformer"
            ) from error
        return cls(folder.name.replace("/", "-").replace("+", "-"), _hash_of(folder), network, patch_px)

    def maps(self, picture: Picture) -> Mapping[str, PatchMap]:
        pixels = (scaled_pixels(picture, AREA_PX, self._patch_px) - CHANNEL_MEANS) / np.array(CHANNEL_DEVIATIONS)
        rows, columns = (side // self._patch_px for side in pixels.shape[:2])
        batch = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]
        with torch.inference_mode():
            tokens = self._network(pixel_values=batch).last_hidden_state[0]
        patches = tokens[-rows * columns :].reshape(rows, columns, -1)
        return {f"{self.name}/{MAP_STRIDE}": patches.numpy().astype(np.float16)}


def _hash_of(folder: Path) -> str:
    digest = hashlib.sha256(f"{AREA_PX}".encode())
    for file in sorted(file for pattern in (*WEIGHTS, "config.json") for file in folder.glob(pattern)):
        digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:FINGERPRINT_CHARS]
