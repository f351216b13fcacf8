"""`inspector golden add`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.golden.change import Confirmed, confirm_change
from inspector.cli.options import AsJson, ChangeReason, LineArgument, read_settings


def golden_add(
    line: LineArgument,
    files: Annotated[list[Path] | None, typer.Argument(help="Pictures of good parts.")] = None,
    part: Annotated[list[str] | None, typer.Option("--part", help="result_id of a stored part. Repeatable.")] = None,
    first: Annotated[bool, typer.Option("--first", help="Before the others: references shows the first ones.")] = False,
    reason: ChangeReason = "",
    yes: Confirmed = False,
    as_json: AsJson = False,
) -> None:
    """Add golden samples to a line, from files or stored parts, as a new version.

    Shows first what that changes: scores become others, so the line is UNQUALIFIED until it is qualified again.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.golden import plan_addition

    settings = absolute(read_settings())
    change = plan_addition(settings, line, files or [], part or [], reason, first=first)
    confirm_change(settings, change, yes=yes, as_json=as_json)
