"""What a method knows of a part: maps of patch features, the difference from its template, the model's own votes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inspector.domain.report import Box

Array = NDArray[Any]
CLASS_SEPARATOR: Final = "|"  # between a part's defect classes
STORED_DTYPE: Final = np.float16  # of feature maps that are kept for many parts


@dataclass(frozen=True, slots=True, eq=False)
class PartFeatures:
    """The features of one picture.

    `maps` holds [rows, columns, width] per map name, such as lite0/16. `template` holds the difference from the part's
    template, one map per tolerance in pixels; empty where the frame names no template. `votes` is the log-odds of NG by
    the model's own votes.
    """

    maps: Mapping[str, Array]
    template: Mapping[int, Array] = field(default_factory=dict)
    votes: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TaughtPart:
    """A labelled part that a line is taught with.

    `group` names what must not be split; `boxes` are the drawn defects, as shares of the picture that is
    judged. `defect` holds the classes, joined by CLASS_SEPARATOR.
    """

    name: str
    group: str
    is_ng: bool
    features: PartFeatures
    boxes: tuple[Box, ...] = ()
    defect: str = ""


def patches_of(feature_map: Array) -> Array:
    """Return a map's patches as rows of single precision."""
    return np.asarray(feature_map, np.float32).reshape(-1, feature_map.shape[-1])
