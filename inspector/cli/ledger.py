"""`inspector ledger`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_figures


def ledger(
    line: Annotated[str, typer.Option(help="Line to check.")],
    as_json: AsJson = False,
) -> None:
    """Check that no part of a line is unaccounted for. Exits 1 if the counts do not balance.

    Triggers must equal decided plus lost parts, decided parts published plus pending ones, and the PLC's counts must
    agree.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.ledger_balance import as_json as balance_json
    from inspector.operations.ledger_balance import line_balance
    from inspector.utc import utc_now

    balance = balance_json(line_balance(absolute(read_settings()).database, line, utc_now()))
    print_figures(balance, as_json)
    raise typer.Exit(0 if balance["balanced"] else 1)
