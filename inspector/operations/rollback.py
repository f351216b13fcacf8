"""Make an earlier version of a line live again, from the command line."""

from __future__ import annotations

from contextlib import closing
from functools import partial

from inspector.adapters.ledger import SqlArchive, store_versions
from inspector.lines.change_effect import ChangeEffects
from inspector.lines.pricing import Pricing
from inspector.lines.rollback import RollbackRequest, Rollbacks
from inspector.lines.versions import Versions
from inspector.operations.line_states import user_name
from inspector.operations.qualification import qualifications
from inspector.operations.stored_change import StoredChange
from inspector.settings import Settings


def roll_back(
    settings: Settings, line: str, to: int, reason: str, accepted: int | None, *, dry_run: bool
) -> StoredChange:
    """Store the content of an earlier version as the newest one.

    Raises InspectorError for an unknown version, and where NG parts would newly pass that nobody accepted.
    """
    with closing(SqlArchive(settings.database)) as archive, qualifications(settings) as proofs:
        store = partial(store_versions, settings.database)
        service = Rollbacks(Versions(archive), ChangeEffects(Pricing.over(archive), proofs), store)
        request = RollbackRequest(line, to, user_name(), reason, accepted)
        if dry_run:
            return StoredChange(None, service.foresee(request), proofs.sets.states.view(line))
        version, effect = service.roll_back(request)
        return StoredChange(version, effect, proofs.sets.states.view(line))
