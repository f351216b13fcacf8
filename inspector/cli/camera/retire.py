"""`inspector camera retire`."""

from __future__ import annotations

from inspector.cli.camera.table import print_cameras
from inspector.cli.options import AsJson, CameraArgument, ChangeReason, LineArgument, read_settings


def camera_retire(
    line: LineArgument,
    camera: CameraArgument,
    reason: ChangeReason = "",
    as_json: AsJson = False,
) -> None:
    """Remove a camera from a line. Frames that it still sends are those of an unknown camera."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.cameras import camera_request, cameras_of

    with cameras_of(absolute(read_settings())) as cameras:
        changed = cameras.retire(camera_request(line, camera, reason))
        print_cameras([changed], as_json)
