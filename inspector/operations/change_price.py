"""Price a planned change of lines from their stored parts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from inspector.adapters.ledger import SqlArchive
from inspector.lines.pricing import Price, Pricing
from inspector.operations.apply import LineChange


def price_changes(changes: Sequence[LineChange], database: str) -> list[Price]:
    """Price every changed line that has a live version."""
    with closing(SqlArchive(database)) as archive:
        return [
            Pricing.over(archive).price(change.line, change.content)
            for change in changes
            if change.is_changed and not change.is_new
        ]
