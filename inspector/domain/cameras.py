"""The grammar of a line's cameras: their names, and the region of each one's pictures. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from inspector.domain.declared import Share, StrictModel

ANY_CAMERA: Final = "*"  # stands for every camera; no topic contains it
MAX_CAMERAS: Final = 256  # of one line
CameraName = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9_.\-]{0,63}|\*)$")]


def _as_box(region: object) -> object:
    return tuple(region) if isinstance(region, list) else region


def _ordered(region: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = region
    if x0 >= x1 or y0 >= y1:
        raise ValueError("is empty; write [left, top, right, bottom] with left below right and top below bottom")
    return region


Region = Annotated[tuple[Share, Share, Share, Share], BeforeValidator(_as_box), AfterValidator(_ordered)]


class CameraSettings(StrictModel):
    """What is special about one camera of the line.

    `region` is the part of the picture that is inspected: [left, top, right, bottom] as shares of its width and height.
    The region is cut out first: quality limits, the model and golden samples see nothing else.
    """

    region: Region | None = Field(
        default=None, description="left, top, right, bottom as shares of the picture; empty: the whole picture"
    )


class CameraGroup(NamedTuple):
    """The cameras of a line that share one region, or that have none: their pictures are judged alike."""

    region: Region | None
    cameras: tuple[str, ...]

    def includes(self, camera: str) -> bool:
        """Return whether pictures of this camera are judged so. Those of no named camera show no region."""
        if camera in self.cameras:
            return True
        return self.region is None and (not camera or ANY_CAMERA in self.cameras)


def camera_groups(cameras: Mapping[str, CameraSettings]) -> tuple[CameraGroup, ...]:
    """Group the cameras by their regions, in declared order."""
    groups: dict[Region | None, list[str]] = {}
    for name, settings in cameras.items():
        groups.setdefault(settings.region, []).append(name)
    return tuple(CameraGroup(region, tuple(names)) for region, names in groups.items())


def _by_name(declared: object) -> object:
    """Return a list of names as a mapping without settings."""
    if isinstance(declared, list | tuple):
        return {name: {} for name in _names(declared)}
    if not isinstance(declared, dict):
        raise ValueError('is neither a list nor a mapping; write cameras: [cam1], or ["*"] for any camera')
    return declared


def _names(declared: Iterable[object]) -> list[str]:
    names: list[str] = []
    for name in declared:
        if not isinstance(name, str):
            raise ValueError(f"{name!r} is not text; write each name in quotes where it looks like something else")
        if name in names:
            raise ValueError(f"{name!r} is listed twice; remove one")
        names.append(name)
    return names


def _any_alone(cameras: dict[str, CameraSettings]) -> dict[str, CameraSettings]:
    if not cameras:
        raise ValueError('is empty; name the cameras of the line, or write ["*"] for any camera')
    if ANY_CAMERA in cameras and (len(cameras) > 1 or cameras[ANY_CAMERA].region):
        raise ValueError("'*' means any camera without a region; remove it, or remove the other names and the region")
    return cameras


Cameras = Annotated[
    dict[CameraName, CameraSettings],
    Field(max_length=MAX_CAMERAS),
    BeforeValidator(_by_name),
    AfterValidator(_any_alone),
]
