"""`inspector camera pause`."""

from __future__ import annotations

from inspector.cli.camera.table import print_cameras
from inspector.cli.options import AsJson, CameraArgument, ChangeReason, LineArgument, read_settings


def camera_pause(
    line: LineArgument,
    camera: CameraArgument,
    reason: ChangeReason = "",
    as_json: AsJson = False,
) -> None:
    """Pause one camera: within a second its parts get the fail-safe and are not judged. See inspector camera resume."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.cameras import camera_request, cameras_of

    with cameras_of(absolute(read_settings())) as cameras:
        changed = cameras.pause(camera_request(line, camera, reason))
        print_cameras([changed], as_json)
