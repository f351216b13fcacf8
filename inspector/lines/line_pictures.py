"""Pictures that people bring to a line: golden samples and challenge parts."""

from __future__ import annotations

from typing import Final

from inspector.domain.cameras import Region
from inspector.domain.frame import Frame, FrameKey
from inspector.domain.pipeline import Pipeline
from inspector.domain.quality import Measurements
from inspector.ports.camera import PictureReader
from inspector.utc import utc_now

NO_CAMERA: Final = "file"  # stands for camera and trigger of a picture that no camera sent


def measure_for_line(
    pictures: PictureReader, data: bytes, media_type: str, pipeline: Pipeline, region: Region | None = None
) -> Measurements:
    """Measure a picture, or this region of it, as the line's frames are. Raises PictureError for an unreadable one."""
    frame = Frame(FrameKey(pipeline.line, NO_CAMERA, NO_CAMERA), data, utc_now(), content_type=media_type)
    return pictures.measure(frame, pipeline.quality, pipeline.picture, region)
