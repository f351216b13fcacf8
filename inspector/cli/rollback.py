"""`inspector rollback`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.options import AcceptedEscapes, AsJson, ChangeReason, LineArgument, read_settings
from inspector.cli.output import print_json, print_status


def rollback(
    line: LineArgument,
    to: Annotated[int, typer.Option("--to", help="Version whose content becomes live again.", min=1)],
    reason: ChangeReason = "",
    accept_escapes: AcceptedEscapes = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the price and store nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make an earlier version of a line live again, as a new version. It is priced like any change.

    Its right to pass is recomputed from stored votes of the challenge set: a version that was qualified passes parts
    at once, another one is UNQUALIFIED until [bold]inspector qualify[/] has proved it. Running stations load
    it within 2 s.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.cli.tables.stored_change import print_change
    from inspector.operations.rollback import roll_back

    settings = absolute(read_settings())
    result = roll_back(settings, line, to, reason, accept_escapes, dry_run=dry_run)
    if as_json:
        print_json({"line": line, "to": to} | result.as_json())
        return
    stored = f"version {result.version} has the content of version {to}" if result.version else "nothing is stored"
    print_status(f"{line}: {stored}")
    print_change(result)
