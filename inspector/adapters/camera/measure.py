"""Measures a grey picture: focus, exposure, and difference from the camera's last one. Knows OpenCV."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final, NamedTuple

import cv2

from inspector.adapters.pictures import Grey, OpenPicture, PictureSize
from inspector.domain.frame import FrameKey

MEASURED_SIDE_PX: Final = 640
THUMBNAIL_PX: Final = 64
REMEMBERED_CAMERAS: Final = 1024  # names come from outside: memory must not grow with their number


def measured_grey(picture: OpenPicture) -> Grey:
    """Decode the picture's region strictly to 8-bit grey of at most MEASURED_SIDE_PX per side."""
    scale = min(1.0, MEASURED_SIDE_PX / max(picture.region_size))
    pixels = picture.grey(*_scaled(picture.size, scale))
    wanted = _scaled(picture.region_size, scale)
    return pixels if scale == 1.0 else cv2.resize(pixels, wanted, interpolation=cv2.INTER_AREA)


def _scaled(size: PictureSize, scale: float) -> tuple[int, int]:
    return max(1, round(size.width_px * scale)), max(1, round(size.height_px * scale))


def sharpness(picture: Grey) -> float:
    """Return the variance of the Laplacian in grey levels²: low for blurred or moved pictures."""
    edges = cv2.Laplacian(picture, cv2.CV_16S)
    mean = cv2.sumElems(edges)[0] / edges.size
    return float(cv2.norm(edges, cv2.NORM_L2SQR) / edges.size - mean**2)  # three times as fast as meanStdDev


def luminance(picture: Grey) -> float:
    """Return the mean grey, 0 black to 1 white."""
    return float(cv2.mean(picture)[0]) / 255.0


class FrameThumbnail(NamedTuple):
    """A camera's last frame, reduced for comparison."""

    trigger_id: str
    thumbnail: Grey


class LastFrames:
    """The last frame of every camera. Thread-safe."""

    def __init__(self) -> None:
        self._thumbnails: OrderedDict[tuple[str, str], FrameThumbnail] = OrderedDict()
        self._lock = threading.Lock()

    def change(self, key: FrameKey, picture: Grey) -> float | None:
        """Return the mean absolute difference (0..1) from the last frame, which this one then replaces.

        None for a camera's first frame, and for a repeated exposure: that is no frozen camera.
        """
        thumbnail: Grey = cv2.resize(picture, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
        last = self._replace((key.line, key.camera), FrameThumbnail(key.trigger_id, thumbnail))
        if last is None or last.trigger_id == key.trigger_id:
            return None
        return float(cv2.norm(last.thumbnail, thumbnail, cv2.NORM_L1)) / (255.0 * thumbnail.size)

    def _replace(self, camera: tuple[str, str], thumbnail: FrameThumbnail) -> FrameThumbnail | None:
        with self._lock:
            last = self._thumbnails.pop(camera, None)
            self._thumbnails[camera] = thumbnail
            if len(self._thumbnails) > REMEMBERED_CAMERAS:
                self._thumbnails.popitem(last=False)
        return last
