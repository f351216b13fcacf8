"""`inspector line pause`."""

from __future__ import annotations

from inspector.cli.line.table import print_lines
from inspector.cli.options import AsJson, ChangeReason, LineArgument, read_settings


def line_pause(line: LineArgument, reason: ChangeReason = "", as_json: AsJson = False) -> None:
    """Pause a line within 1 s: its parts are stored, not judged, and the gate gets the fail-safe.

    inspector line live LINE ends the pause.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.line_states import line_states, user_name

    with line_states(absolute(read_settings())) as states:
        print_lines([states.pause(line, user_name(), reason)], as_json)
