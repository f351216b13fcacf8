"""Pictures that people bring to a line: golden samples and challenge parts."""

from __future__ import annotations

from typing import Final, NamedTuple

from inspector.domain.cameras import Region
from inspector.domain.frame import Frame, FrameKey
from inspector.domain.picture_format import FORMATS, picture_format
from inspector.domain.pipeline import Pipeline
from inspector.domain.quality import Measurements, quality_fault
from inspector.errors import InspectorError, PictureError
from inspector.ports.camera import PictureReader
from inspector.ports.evidence import EvidenceStore
from inspector.utc import utc_now

NO_CAMERA: Final = "file"  # stands for camera and trigger of a picture that no camera sent


class NamedPicture(NamedTuple):
    """A picture that somebody brings. `name` is for messages."""

    name: str
    data: bytes


def measure_for_line(
    pictures: PictureReader, data: bytes, media_type: str, pipeline: Pipeline, region: Region | None = None
) -> Measurements:
    """Measure a picture, or this region of it, as the line's frames are. Raises PictureError for an unreadable one."""
    frame = Frame(FrameKey(pipeline.line, NO_CAMERA, NO_CAMERA), data, utc_now(), content_type=media_type)
    return pictures.measure(frame, pipeline.quality, pipeline.picture, region)


def store_golden_sample(
    pictures: PictureReader, evidence: EvidenceStore, brought: NamedPicture, pipeline: Pipeline
) -> str:
    """Store a golden sample's picture and return its sha256. Raises InspectorError where the line can't judge it."""
    try:
        measured = measure_for_line(pictures, brought.data, "", pipeline)
    except PictureError as error:
        raise InspectorError(f"{brought.name}: {error}") from error
    if fault := quality_fault(measured, pipeline.quality):
        raise InspectorError(f"{brought.name}: {fault}")
    return evidence.put(brought.data, "").sha256


def golden_file_name(sha256: str, data: bytes) -> str:
    """Return the name under which an export writes a golden sample."""
    kind = picture_format(data)
    return f"golden/{sha256[:16]}.{FORMATS[kind].suffix if kind else 'bin'}"
