"""`inspector challenge remove`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.options import AsJson, ChangeReason, LineArgument, read_settings
from inspector.cli.output import print_figures


def challenge_remove(
    line: LineArgument,
    parts: Annotated[list[int], typer.Argument(help="Numbers of the parts, as inspector challenge list shows them.")],
    reason: ChangeReason = "",
    as_json: AsJson = False,
) -> None:
    """Remove parts from a line's challenge set. What was asked about them stays stored."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.challenge import challenge_sets, set_figures
    from inspector.operations.line_states import user_name

    with challenge_sets(absolute(read_settings())) as sets:
        removed = sets.remove(line, parts, user_name(), reason)
        print_figures({"removed": removed} | set_figures(sets.parts(line)), as_json)
