"""`inspector ledger`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import show_figures


def ledger(
    line: Annotated[str, typer.Option(help="The line whose books are looked at.")],
    as_json: AsJson = False,
) -> None:
    """Whether the books of a line balance: triggers seen = decided + lost, decided = published + pending, and what
    the PLC counted. Exit code 1 when they don't."""
    from inspector.bootstrap.wiring import absolute
    from inspector.operations.ledger_balance import as_json as balance_json
    from inspector.operations.ledger_balance import line_balance
    from inspector.utc import utc_now

    books = balance_json(line_balance(absolute(read_settings()).database, line, utc_now()))
    show_figures(books, as_json)
    raise typer.Exit(0 if books["balanced"] else 1)
