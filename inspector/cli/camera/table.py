"""The table of cameras."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from inspector.cli.output import print_json, print_table
from inspector.lines.cameras import CameraEntry


def print_cameras(cameras: Sequence[CameraEntry], as_json: bool) -> None:
    """Print cameras as one JSON document or as a table."""
    from inspector.operations.cameras import as_json as camera_json

    if as_json:
        print_json([camera_json(each) for each in cameras])
        return
    table = Table("line", "camera", "declared", "region", "status", "frames", "lost", "last seen", "kept pictures")
    for each in cameras:
        table.add_row(*_cells(each))
    print_table(table)


def _cells(camera: CameraEntry) -> tuple[Text | str, ...]:
    row, region = camera.row, camera.region
    seen = f"{row.last_seen:%Y-%m-%d %H:%M:%S} UTC" if row else "never"
    shown = " ".join(f"{side:g}" for side in region) if region else ""
    figures = (str(row.frames), str(row.lost)) if row else ("0", "0")
    status = Text((row and row.status) or "")
    return (
        Text(camera.line),
        Text(camera.camera),
        _declared(camera),
        shown,
        status,
        *figures,
        seen,
        str(len(camera.pictures) or ""),
    )


def _declared(camera: CameraEntry) -> Text:
    if not camera.is_declared:
        return Text("unknown", style="yellow")
    return Text("paused", style="magenta") if camera.is_paused else Text("yes", style="green")
