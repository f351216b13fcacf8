"""`inspector camera replace`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.camera.table import print_cameras
from inspector.cli.options import AsJson, CameraArgument, ChangeReason, LineArgument, read_settings
from inspector.cli.output import print_status


def camera_replace(
    line: LineArgument,
    camera: CameraArgument,
    by: Annotated[str, typer.Option(help="Name of the new camera. Default: the same name.")] = "",
    reason: ChangeReason = "",
    as_json: AsJson = False,
) -> None:
    """Put another camera in the place of this one. Its parts are UNQUALIFIED until the line is qualified for it."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.cameras import camera_request, cameras_of

    with cameras_of(absolute(read_settings())) as cameras:
        changed = cameras.replace(camera_request(line, camera, reason), by or None)
        print_cameras([changed], as_json)
        print_status(f"{line}: parts of {changed.camera} are UNQUALIFIED until this is done: inspector qualify {line}")
