"""`inspector challenge list`."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from inspector.cli.options import AsJson, LineArgument, read_settings
from inspector.cli.output import print_json, print_table


def challenge_list(line: LineArgument, as_json: AsJson = False) -> None:
    """List the parts of a line's challenge set with their labels."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.challenge import as_json as part_json
    from inspector.operations.challenge import challenge_sets

    with challenge_sets(absolute(read_settings())) as sets:
        parts = sets.parts(line)
    if as_json:
        print_json([part_json(each) for each in parts])
        return
    table = Table("part", "label", "camera", "group", "note", "picture", "by", "since")
    for each in parts:
        label = Text("NG", style="red") if each.is_ng else Text("OK", style="green")
        since = f"{each.at:%Y-%m-%d %H:%M} UTC"
        words = (each.camera or "any", each.group, each.note, each.sha256[:12], each.author, since)
        table.add_row(str(each.number), label, *map(Text, words))
    print_table(table)
