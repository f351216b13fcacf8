"""`inspector camera retire`."""

from __future__ import annotations

from inspector.cli.camera.change import change_camera
from inspector.cli.options import AsJson, CameraArgument, ChangeReason, LineArgument
from inspector.lines.cameras import Cameras


def camera_retire(
    line: LineArgument,
    camera: CameraArgument,
    reason: ChangeReason = "",
    as_json: AsJson = False,
) -> None:
    """Remove a camera from a line. Frames that it still sends are those of an unknown camera."""
    change_camera(line, camera, reason, as_json, Cameras.retire)
