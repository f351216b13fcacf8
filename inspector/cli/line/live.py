"""`inspector line live`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.line.table import print_lines
from inspector.cli.options import AsJson, ChangeReason, LineArgument, ModelCardPath, read_settings
from inspector.lines.states import DEFAULT_OVERRIDE_DAYS


def line_live(
    line: LineArgument,
    override: Annotated[bool, typer.Option("--override", help="Without a qualification, until a time.")] = False,
    reason: ChangeReason = "",
    days: Annotated[float, typer.Option(help="Days until the override ends.")] = DEFAULT_OVERRIDE_DAYS,
    model: ModelCardPath = None,
    as_json: AsJson = False,
) -> None:
    """Set a line live: its parts may pass under the qualified fingerprint and policy.

    A line without a qualification needs --override with a reason. Everybody sees the override until it ends.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.bootstrap.overrides import override_of
    from inspector.operations.line_states import line_states, user_name
    from inspector.ports.lines import SeenLine

    settings = absolute(read_settings(model=model))
    with line_states(settings) as states:
        seen = SeenLine.of(states.version(line))
        request = override_of(settings, states, line, days) if override else None
        print_lines([states.go_live(line, user_name(), reason, request, seen)], as_json)
