"""`inspector camera list`."""

from __future__ import annotations

from inspector.cli.camera.table import print_cameras
from inspector.cli.options import AsJson, read_settings


def camera_list(as_json: AsJson = False) -> None:
    """List all cameras: those that lines declare, and unknown ones with the number of their kept pictures.

    An unknown camera is never judged; connect it with inspector camera connect.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.cameras import cameras_of

    with cameras_of(absolute(read_settings())) as cameras:
        print_cameras(cameras.cameras(), as_json)
