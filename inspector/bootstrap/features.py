"""Opens the reader of patch features with the backbones that are wanted and installed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inspector.errors import ModelError

if TYPE_CHECKING:
    from inspector.bootstrap.part_features import FeatureReader


def open_features(names: Sequence[str] = ()) -> FeatureReader:
    """Load the named backbones; by default lite0. Raises ModelError with the remedy."""
    from inspector.adapters.backbones import LITE0, load_backbone
    from inspector.adapters.vlm.transformers.threads import limit_numpy_to_one_core
    from inspector.bootstrap.part_features import FeatureReader

    if len(set(names)) < len(names):
        raise ModelError("a backbone is named twice; name each once")
    reader = FeatureReader([load_backbone(name) for name in names or (LITE0,)])
    limit_numpy_to_one_core()
    return reader
