"""Read the features of pictures: maps of the backbones, and the difference from a template."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.adapters.camera import CameraPictureReader
from inspector.domain.report import Box
from inspector.errors import PictureError
from inspector.ports.backbone import Backbone
from inspector.ports.engine import Picture
from inspector.teaching.part_features import PartFeatures
from inspector.teaching.template_difference import template_differences


class FeatureReader:
    """Reads features with some backbones. Blocking."""

    def __init__(self, backbones: Sequence[Backbone]) -> None:
        self._backbones = tuple(backbones)
        self._pictures = CameraPictureReader()

    @property
    def backbones(self) -> list[tuple[str, str]]:
        """Name and fingerprint of each backbone."""
        return [(each.name, each.fingerprint) for each in self._backbones]

    def read(self, picture: Picture, template: Picture | None = None) -> PartFeatures:
        """Return the features. Raises PictureError for an unreadable picture or template, or one of another size."""
        maps = {name: each for backbone in self._backbones for name, each in backbone.maps(picture).items()}
        if template is None:
            return PartFeatures(maps)
        try:
            grey = self._pictures.grey_pixels
            return PartFeatures(maps, template_differences(grey(picture), grey(template)))
        except ValueError as error:
            raise PictureError(f"{error}; store a template of the frames' size") from error

    def normalised(self, picture: bytes, boxes: Sequence[tuple[float, float, float, float]]) -> tuple[Box, ...]:
        """Return boxes in pixels as shares of the picture's sides."""
        if not boxes:
            return ()
        width, height = self._pictures.size(picture)
        return tuple(Box(x0 / width, y0 / height, x1 / width, y1 / height) for x0, y0, x1, y1 in boxes)
