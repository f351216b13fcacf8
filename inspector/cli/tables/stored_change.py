"""The price, the right and the state of a line after a change."""

from __future__ import annotations

from inspector.cli.output import print_status, print_table
from inspector.cli.tables.price import price_view
from inspector.operations.stored_change import StoredChange


def print_change(change: StoredChange) -> None:
    """Print the price, what becomes of the right to pass, and the line's state where the change was stored."""
    print_table(price_view(change.effect.price))
    if right := change.effect.right:
        print_status(right.text)
    if change.version:
        objection = f": {change.view.objection}" if change.view.objection else ""
        print_status(f"{change.view.line} is {change.view.state}{objection}")
        if change.view.scrap_warning:
            print_status(change.view.scrap_warning)
