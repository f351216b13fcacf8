"""`inspector line list`."""

from __future__ import annotations

from inspector.cli.line.table import print_lines
from inspector.cli.options import AsJson, read_settings


def line_list(as_json: AsJson = False) -> None:
    """List all lines with their states and their right to pass parts."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.line_states import line_states

    with line_states(absolute(read_settings())) as states:
        print_lines(states.views(), as_json)
