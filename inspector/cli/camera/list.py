"""`inspector camera list`."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_json, print_table


def camera_list(as_json: AsJson = False) -> None:
    """List all cameras: those that lines declare, and unknown ones with the number of their kept pictures.

    An unknown camera is never judged. To connect it, name it under cameras in its line's pipeline and apply that.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.cameras import as_json as camera_json
    from inspector.operations.cameras import list_cameras

    cameras = list_cameras(absolute(read_settings()))
    if as_json:
        print_json([camera_json(each) for each in cameras])
        return
    table = Table("line", "camera", "declared", "status", "frames", "lost", "last seen", "kept pictures")
    for each in cameras:
        declared = Text("yes", style="green") if each.is_declared else Text("unknown", style="yellow")
        seen = f"{each.last_seen:%Y-%m-%d %H:%M:%S} UTC" if each.last_seen else "never"
        figures = (Text(each.status or ""), str(each.frames), str(each.lost), Text(seen), str(len(each.pictures) or ""))
        table.add_row(Text(each.line), Text(each.camera), declared, *figures)
    print_table(table)
