"""Drafts: versions that decide on the votes of the live one and publish nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from inspector.config.diff import Declaration, compare
from inspector.errors import InspectorError, NotFoundError
from inspector.lines.states import require_short
from inspector.lines.versions import Versions, readable
from inspector.ports.drafts import Draft, DraftStore, ShadowComparison
from inspector.utc import utc_now


@dataclass(frozen=True, slots=True)
class Drafts:
    """The drafts of all lines. Every method raises LedgerError, and InspectorError for an unknown line."""

    versions: Versions
    store: DraftStore
    now: Callable[[], datetime] = utc_now

    def add(self, content: Declaration, author: str, reason: str, source: str) -> Draft:
        """Make a draft on top of the live version. An earlier draft of the line ends.

        Raises InspectorError where it changes scores or nothing: both versions must decide on the same votes.
        """
        require_short(reason)
        line = content.pipeline.line
        live = self.versions.history(line)[-1]
        difference = compare(readable(live), content)
        if difference.is_empty:
            raise InspectorError(f"{line}: the draft is what is live (version {live.version}); change something first")
        if difference.rescores:
            raise InspectorError(
                f"{line}: the draft changes scores, so the live version's votes say nothing about it; "
                f"apply it and qualify it: inspector qualify {line}"
            )
        identity = uuid.uuid4().hex
        draft = Draft(identity, content.pipeline, content.golden, live.version, author, reason, source, self.now())
        self.store.add_draft(draft)
        return draft

    def end(self, line: str, author: str) -> None:
        """End the line's draft; its comparison stays stored."""
        if not self.store.end_draft(line, author):
            raise NotFoundError(_none(line))

    def comparison(self, line: str) -> ShadowComparison:
        """Return how the line's draft compares with its base so far."""
        self.versions.history(line)
        found = self.store.comparison(line)
        if found is None:
            raise NotFoundError(_none(line))
        return found


def _none(line: str) -> str:
    return f"{line} has no draft; make one: inspector apply FILE --draft"
