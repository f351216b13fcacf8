"""`inspector camera replace`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.camera.change import change_camera
from inspector.cli.options import AsJson, CameraArgument, ChangeReason, LineArgument
from inspector.cli.output import print_status


def camera_replace(
    line: LineArgument,
    camera: CameraArgument,
    by: Annotated[str, typer.Option(help="Name of the new camera. Default: the same name.")] = "",
    reason: ChangeReason = "",
    as_json: AsJson = False,
) -> None:
    """Put another camera in the place of this one. Its parts are UNQUALIFIED until the line is qualified for it."""
    changed = change_camera(
        line, camera, reason, as_json, lambda cameras, request: cameras.replace(request, by or None)
    )
    print_status(f"{line}: parts of {changed.camera} are UNQUALIFIED until this is done: inspector qualify {line}")
