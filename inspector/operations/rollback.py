"""Make an earlier version of a line live again, from the command line."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import NamedTuple

from inspector.adapters.ledger import SqlArchive, store_versions
from inspector.lines.pricing import Price, Pricing
from inspector.lines.rollback import RollbackRequest, Rollbacks
from inspector.lines.versions import Versions
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
        service = Rollbacks(Versions(archive), Pricing.over(archive), partial(store_versions, database))
        request = RollbackRequest(line, to, user_name(), reason, accepted)
        if dry_run:
            return RollbackResult(None, service.price(request))
        return RollbackResult(*service.roll_back(request))
