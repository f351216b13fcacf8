"""`inspector camera connect`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.camera.change import change_camera
from inspector.cli.options import AsJson, CameraArgument, ChangeReason, LineArgument
from inspector.cli.output import print_status


def camera_connect(
    line: LineArgument,
    camera: CameraArgument,
    region: Annotated[
        str, typer.Option(help="LEFT,TOP,RIGHT,BOTTOM as shares of the picture, such as 0.1,0,0.9,1. Default: all.")
    ] = "",
    reason: ChangeReason = "",
    as_json: AsJson = False,
) -> None:
    """Declare a camera on a line, as a new version of it. Running stations judge its frames at once.

    Its parts are UNQUALIFIED until the line is qualified for it; those of other cameras keep their right to pass.
    """
    from inspector.operations.cameras import read_region

    edges = read_region(region)
    change_camera(line, camera, reason, as_json, lambda cameras, request: cameras.connect(request, edges))
    print_status(f"{line}: parts of {camera} are UNQUALIFIED until this is done: inspector qualify {line}")
