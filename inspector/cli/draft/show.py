"""`inspector draft show` and `inspector draft end`."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from inspector.cli.options import AsJson, LineArgument, read_database_url
from inspector.cli.output import print_json, print_status, print_table


def draft_show(line: LineArgument, as_json: AsJson = False) -> None:
    """Compare the draft of a line with its live version, part by part, on the same votes."""
    from inspector.operations.drafts import as_json as comparison_json
    from inspector.operations.drafts import drafts_of

    with drafts_of(read_database_url()) as drafts:
        figures = comparison_json(drafts.comparison(line))
    if as_json:
        print_json(figures)
        return
    counts = f"{figures['parts']} parts, {figures['differ']} differ, {figures['unknown']} unknown"
    print_status(f"{line}: draft of version {figures['base']} by {figures['author']}: {counts}")
    table = Table("live", "draft", "parts")
    for each in figures["dispositions"]:
        table.add_row(*(Text(str(each[name])) for name in ("live", "draft", "parts")))
    print_table(table)


def draft_end(line: LineArgument) -> None:
    """End the draft of a line. The live version stays as it is."""
    from inspector.operations.drafts import drafts_of
    from inspector.operations.line_states import user_name

    with drafts_of(read_database_url()) as drafts:
        drafts.end(line, user_name())
    print_status(f"{line}: the draft has ended")
