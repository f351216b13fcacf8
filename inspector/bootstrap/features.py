"""Opens the reader of patch features with the backbones that are wanted and installed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inspector.bootstrap.from_settings import card_of
from inspector.errors import ModelError
from inspector.ports.backbone import Backbone
from inspector.settings import Settings

if TYPE_CHECKING:
    from inspector.bootstrap.part_features import FeatureReader


def open_features(names: Sequence[str], settings: Settings) -> FeatureReader:
    """Load the named backbones; by default lite0. Raises ModelError with the remedy."""
    from inspector.adapters.backbones import LITE0
    from inspector.adapters.vlm.transformers.threads import limit_numpy_to_one_core
    from inspector.bootstrap.part_features import FeatureReader

    if len(set(names)) < len(names):
        raise ModelError("a backbone is named twice; name each once")
    reader = FeatureReader([_opened(name, settings) for name in names or (LITE0,)])
    limit_numpy_to_one_core()
    return reader


def _opened(name: str, settings: Settings) -> Backbone:
    from inspector.adapters import vlm
    from inspector.adapters.backbones import load_backbone
    from inspector.judging.tower_backbone import TOWER, TowerBackbone

    if name != TOWER:
        return load_backbone(name)
    return TowerBackbone(vlm.load(card_of(settings), settings.model.parent, settings.threads))
