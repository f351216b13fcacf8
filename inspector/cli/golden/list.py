"""`inspector golden list`."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from inspector.cli.options import AsJson, LineArgument, read_settings
from inspector.cli.output import print_json, print_table


def golden_list(line: LineArgument, as_json: AsJson = False) -> None:
    """List the golden samples of a line's live version, and which of them the model is shown."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.golden import golden_samples

    samples = golden_samples(absolute(read_settings()), line)
    if as_json:
        print_json([each._asdict() for each in samples])
        return
    table = Table("sample", "picture", "name", "shown to the model")
    for each in samples:
        table.add_row(str(each.number), each.sha256[:12], Text(each.name), "yes" if each.is_shown else "")
    print_table(table)
