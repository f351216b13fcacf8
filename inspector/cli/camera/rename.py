"""`inspector camera rename`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.camera.change import change_camera
from inspector.cli.options import AsJson, CameraArgument, ChangeReason, LineArgument


def camera_rename(
    line: LineArgument,
    camera: CameraArgument,
    name: Annotated[str, typer.Argument(help="The new name, as in the camera's topics.")],
    reason: ChangeReason = "",
    as_json: AsJson = False,
) -> None:
    """Give a camera another name. It is the same camera: it keeps its region and its right to pass."""
    change_camera(line, camera, reason, as_json, lambda cameras, request: cameras.rename(request, name))
