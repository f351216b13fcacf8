"""`inspector rollback`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.options import AcceptedEscapes, AsJson, ChangeReason, LineArgument, read_settings
from inspector.cli.output import print_json, print_status, print_table


def rollback(
    line: LineArgument,
    to: Annotated[int, typer.Option("--to", help="Version whose content becomes live again.", min=1)],
    reason: ChangeReason = "",
    accept_escapes: AcceptedEscapes = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the price and store nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make an earlier version of a line live again, as a new version. It is priced like any change.

    Running stations load it within 2 s.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.cli.tables.price import price_view
    from inspector.operations.rollback import roll_back

    database = absolute(read_settings()).database
    result = roll_back(database, line, to, reason, accept_escapes, dry_run=dry_run)
    if as_json:
        print_json({"line": line, "to": to, "new_version": result.version, "price": result.price.as_json()})
        return
    stored = f"version {result.version} has the content of version {to}" if result.version else "nothing is stored"
    print_status(f"{line}: {stored}")
    print_table(price_view(result.price))
