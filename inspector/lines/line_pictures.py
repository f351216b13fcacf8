"""Pictures that people bring to a line: golden samples and challenge parts."""

from __future__ import annotations

from typing import Final

from inspector.domain.frame import Frame, FrameKey
from inspector.domain.pipeline import Pipeline
from inspector.domain.quality import Measurements
from inspector.ports.camera import PictureReader
from inspector.utc import utc_now

NO_CAMERA: Final = "file"  # stands for camera and trigger of a picture that no camera sent


def measure_for_line(pictures: PictureReader, data: bytes, media_type: str, pipeline: Pipeline) -> Measurements:
    """Measure a picture as the line's cameras' pictures are. Raises PictureError where it can't be read."""
    frame = Frame(FrameKey(pipeline.line, NO_CAMERA, NO_CAMERA), data, utc_now(), content_type=media_type)
    return pictures.measure(frame, pipeline.quality, pipeline.picture)
