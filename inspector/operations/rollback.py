"""Make an earlier version of a line live again, as a new version, after pricing it."""

from __future__ import annotations

from contextlib import closing
from typing import NamedTuple

from inspector.adapters.ledger import SqlArchive, store_versions
from inspector.lines.pricing import Price, Pricing, require_accepted
from inspector.lines.versions import ReadableVersion, Versions
from inspector.operations.line_states import user_name


class RollbackResult(NamedTuple):
    """The new version, None where nothing was stored, and the price of it."""

    version: int | None
    price: Price


def roll_back(database: str, line: str, to: int, reason: str, accepted: int | None, *, dry_run: bool) -> RollbackResult:
    """Store the content of an earlier version as the newest one.

    Raises InspectorError for an unknown version, and where NG parts would newly pass that nobody accepted.
    """
    with closing(SqlArchive(database)) as archive:
        declared = Versions(archive).rolled_back(line, to, user_name(), reason)
        price = Pricing(archive).price(line, ReadableVersion(declared.pipeline, declared.golden))
    if dry_run:
        return RollbackResult(None, price)
    require_accepted([price], accepted, reason)
    stored = store_versions(database, [declared])
    return RollbackResult(stored[0].version if stored else None, price)
