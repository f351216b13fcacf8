"""`inspector camera rename`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.camera.table import print_cameras
from inspector.cli.options import AsJson, CameraArgument, ChangeReason, LineArgument, read_settings


def camera_rename(
    line: LineArgument,
    camera: CameraArgument,
    name: Annotated[str, typer.Argument(help="The new name, as in the camera's topics.")],
    reason: ChangeReason = "",
    as_json: AsJson = False,
) -> None:
    """Give a camera another name. It is the same camera: it keeps its region and its right to pass."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.cameras import camera_request, cameras_of

    with cameras_of(absolute(read_settings())) as cameras:
        changed = cameras.rename(camera_request(line, camera, reason), name)
        print_cameras([changed], as_json)
