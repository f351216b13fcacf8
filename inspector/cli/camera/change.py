"""What the commands that change one camera share."""

from __future__ import annotations

from collections.abc import Callable

from inspector.cli.camera.table import print_cameras
from inspector.cli.options import read_settings
from inspector.lines.cameras import CameraEntry, CameraRequest, Cameras

CameraChange = Callable[[Cameras, CameraRequest], CameraEntry]


def change_camera(line: str, camera: str, reason: str, as_json: bool, change: CameraChange) -> CameraEntry:
    """Change a camera of this installation, print it, and return it."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.cameras import camera_request, cameras_of

    with cameras_of(absolute(read_settings())) as cameras:
        changed = change(cameras, camera_request(line, camera, reason))
        print_cameras([changed], as_json)
    return changed
