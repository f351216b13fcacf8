"""`inspector line commission`."""

from __future__ import annotations

from inspector.cli.line.table import print_lines
from inspector.cli.options import AsJson, ChangeReason, LineArgument, read_settings


def line_commission(line: LineArgument, reason: ChangeReason = "", as_json: AsJson = False) -> None:
    """Put a line into commissioning: its parts are judged and stored, and the gate gets the fail-safe."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.line_states import line_states, user_name

    with line_states(absolute(read_settings())) as states:
        print_lines([states.commission(line, user_name(), reason)], as_json)
