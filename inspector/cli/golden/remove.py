"""`inspector golden remove`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.golden.change import Confirmed, confirm_change
from inspector.cli.options import AsJson, ChangeReason, LineArgument, read_settings


def golden_remove(
    line: LineArgument,
    numbers: Annotated[list[int], typer.Argument(help="Numbers of the samples, as inspector golden list shows them.")],
    reason: ChangeReason = "",
    yes: Confirmed = False,
    as_json: AsJson = False,
) -> None:
    """Remove golden samples from a line, as a new version. Their pictures stay with the earlier versions."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.golden import plan_removal

    settings = absolute(read_settings())
    confirm_change(settings, plan_removal(settings, line, numbers, reason), yes=yes, as_json=as_json)
