"""`inspector camera resume`."""

from __future__ import annotations

from inspector.cli.camera.change import change_camera
from inspector.cli.options import AsJson, CameraArgument, ChangeReason, LineArgument
from inspector.lines.cameras import Cameras


def camera_resume(
    line: LineArgument,
    camera: CameraArgument,
    reason: ChangeReason = "",
    as_json: AsJson = False,
) -> None:
    """End the pause of a camera."""
    change_camera(line, camera, reason, as_json, Cameras.resume)
