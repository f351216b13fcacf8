"""Port of `adapters/backbones`: patch features of a picture, from a network that was not trained on the line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from inspector.ports.engine import PatchMap


class Backbone(Protocol):
    """One network. Blocking: called in worker threads, from several at once."""

    @property
    def name(self) -> str:
        """The name before the slash of its maps, such as lite0."""

    @property
    def fingerprint(self) -> str:
        """The hash (16 hex) of weights, preprocessing and network."""

    def maps(self, picture: bytes) -> Mapping[str, PatchMap]:
        """Return feature maps by name and stride, such as lite0/16. Raises PictureError for an unreadable picture."""


LoadBackbone = Callable[[str], Backbone]  # by name or path; raises ModelError with the remedy
