"""`inspector camera pictures`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson, LineArgument, read_settings
from inspector.cli.output import print_json, stderr_console


def camera_pictures(
    line: LineArgument,
    camera: Annotated[str, typer.Argument(help="Name of the unknown camera.")],
    folder: Annotated[Path, typer.Argument(help="Folder to write its pictures into.")],
    as_json: AsJson = False,
) -> None:
    """Write the last pictures of an unknown camera into a folder, newest first."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.cameras import write_pictures

    files = write_pictures(absolute(read_settings()), line, camera, folder)
    if as_json:
        print_json([str(file) for file in files])
        return
    stderr_console.print(f"{len(files)} pictures of {line}/{camera} in {folder}")
