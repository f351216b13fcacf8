"""`inspector line state`."""

from __future__ import annotations

from inspector.cli.line.table import print_lines
from inspector.cli.options import AsJson, LineArgument, read_settings


def line_state(line: LineArgument, as_json: AsJson = False) -> None:
    """Show the state of one line, and why its parts may not pass."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.line_states import line_states

    with line_states(absolute(read_settings())) as states:
        print_lines([states.view(line)], as_json)
