"""The table of lines and their states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from inspector.cli.output import print_json, print_status, print_table
from inspector.domain.line_state import LineState, RightOrigin
from inspector.lines.states import LineView

COLOURS: Final = {
    LineState.LIVE: "green",
    LineState.COMMISSIONING: "yellow",
    LineState.UNQUALIFIED: "red",
    LineState.PAUSED: "magenta",
}


def print_lines(views: Sequence[LineView], as_json: bool) -> None:
    """Print lines with their states, as one JSON document or as a table, and warn where good parts become scrap."""
    from inspector.operations.line_states import as_json as view_json

    if as_json:
        print_json([view_json(view) for view in views])
    else:
        print_table(_table(views))
    for view in views:
        if view.scrap_warning:
            print_status(view.scrap_warning)


def _table(views: Sequence[LineView]) -> Table:
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
    return table


def _right(view: LineView) -> str:
    if view.right is None:
        return ""
    if view.right.origin is RightOrigin.OVERRIDE:
        return f"override: {view.right.reason}"
    return "qualification"
