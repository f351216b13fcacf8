"""`inspector camera pause`."""

from __future__ import annotations

from inspector.cli.camera.change import change_camera
from inspector.cli.options import AsJson, CameraArgument, ChangeReason, LineArgument
from inspector.lines.cameras import Cameras


def camera_pause(
    line: LineArgument,
    camera: CameraArgument,
    reason: ChangeReason = "",
    as_json: AsJson = False,
) -> None:
    """Pause one camera: within a second its parts get the fail-safe and are not judged. See inspector camera resume."""
    change_camera(line, camera, reason, as_json, Cameras.pause)
