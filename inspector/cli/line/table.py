"""The table of lines and their states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from inspector.cli.output import print_json, print_table
from inspector.domain.line_state import LineState, RightOrigin
from inspector.lines.states import LineView

COLOURS: Final = {
    LineState.LIVE: "green",
    LineState.COMMISSIONING: "yellow",
    LineState.UNQUALIFIED: "red",
    LineState.PAUSED: "magenta",
}
FAIL_SAFE_WARNING: Final = "fail_safe is REJECT: leave the gate in bypass until LIVE, or every good part is scrapped"


def print_lines(views: Sequence[LineView], as_json: bool) -> None:
    """Print lines with their states, as one JSON document or as a table."""
    from inspector.operations.line_states import as_json as view_json

    if as_json:
        print_json([view_json(view) for view in views])
        return
    table = Table("line", "version", "state", "may pass by", "until", "why not")
    for view in views:
        table.add_row(
            Text(view.line),
            str(view.version.version),
            Text(view.state, style=COLOURS[view.state]),
            Text(_right(view)),
            Text(f"{view.right.until:%Y-%m-%d %H:%M} UTC" if view.right and view.right.until else ""),
            Text(view.objection),
        )
    print_table(table)


def _right(view: LineView) -> str:
    if view.right is None:
        return ""
    if view.right.origin is RightOrigin.OVERRIDE:
        return f"override: {view.right.reason}"
    return "qualification"
