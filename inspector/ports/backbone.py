"""Port of `adapters/backbones`: patch features of a picture, from a network that was not trained on the line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from inspector.ports.engine import PatchMap, Picture


class Backbone(Protocol):
    """One network. Blocking: called in worker threads, from several at once."""

    @property
    def name(self) -> str:
        """The name before the slash of its maps, such as lite0."""

    @property
    def fingerprint(self) -> str:
        """The hash (16 hex) of weights, preprocessing and network."""

    def maps(self, picture: Picture) -> Mapping[str, PatchMap]:
        """Return feature maps by name and stride, such as lite0/16. Raises PictureError for an unreadable picture."""


LoadBackbone = Callable[[str], Backbone]  # by name or path; raises ModelError with the remedy
ReadGrey = Callable[[Picture], NDArray[Any]]  # grey pixels, 0 black to 1 white; raises PictureError


class FeatureSources(NamedTuple):
    """What a process can compute of a picture for taught models."""

    load_backbone: LoadBackbone
    grey_pixels: ReadGrey
