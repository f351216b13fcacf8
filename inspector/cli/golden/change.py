"""Shows a change of golden samples, asks, and stores it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from inspector.cli.output import escaped, print_json, stderr_console
from inspector.settings import Settings

if TYPE_CHECKING:
    from inspector.lines.golden_samples import GoldenChange

Confirmed = Annotated[bool, typer.Option("--yes", help="Store the change without asking.")]


def confirm_change(settings: Settings, change: GoldenChange, *, yes: bool, as_json: bool) -> None:
    """Show what the change does, and store it once a person agrees. With --json nothing is asked: --yes stores it."""
    from inspector.operations.golden import store_change

    if as_json:
        print_json(change.as_json(store_change(settings, change) if yes else None))
        return
    for effect in change.effects:
        stderr_console.print(f"  {escaped(effect)}")
    if not yes:
        typer.confirm(f"Store this as the next version of {change.line}?", abort=True, err=True)
    stderr_console.print(f"{change.line}: version {store_change(settings, change)} is live")
