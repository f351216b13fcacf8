"""Drafts: versions that decide on the votes of the live one and publish nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from inspector.config.diff import Declaration, compare
from inspector.errors import InspectorError, NotFoundError
from inspector.lines.states import require_short
from inspector.lines.versions import Versions, readable
from inspector.ports.drafts import Draft, DraftStore, OpenDraft, ShadowComparison
from inspector.utc import utc_now

MAX_LISTED_DRAFTS: Final = 50


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
        draft = self._new(content, author, reason, source)
        if draft.rescores:
            raise InspectorError(
                f"{draft.line}: the draft changes scores, so the live version's votes say nothing about it; "
                f"apply it and qualify it: inspector qualify {draft.line}"
            )
        self.store.add_draft(draft)
        return draft

    def save(self, content: Declaration, author: str, reason: str, known: OpenDraft) -> Draft:
        """Make a draft, which may change scores, instead of the `known` one.

        Raises ConflictError where the line has another open draft, or another live version, by then.
        """
        draft = self._new(content, author, reason, "")
        self.store.add_draft(draft, known)
        return draft

    def draft(self, line: str, draft_id: str) -> Draft:
        """Return a draft, open or ended."""
        found = self.store.draft(line, draft_id)
        if found is None:
            raise NotFoundError(f"{line} has no draft {draft_id!r}; see the line's drafts")
        return found

    def newest(self, line: str) -> list[Draft]:
        """List the line's drafts, the newest first."""
        self.versions.history(line)
        return self.store.drafts(line, MAX_LISTED_DRAFTS)

    def _new(self, content: Declaration, author: str, reason: str, source: str) -> Draft:
        require_short(reason)
        line = content.pipeline.line
        live = self.versions.history(line)[-1]
        difference = compare(readable(live), content)
        if difference.is_empty:
            raise InspectorError(f"{line}: the draft is what is live (version {live.version}); change something first")
        return Draft(
            uuid.uuid4().hex,
            content.pipeline,
            tuple(content.golden),
            live.version,
            author,
            reason,
            source,
            self.now(),
            rescores=difference.rescores or bool(difference.rescored_cameras),
        )

    def end(self, line: str, author: str, draft_id: str | None = None) -> None:
        """End this draft of the line, or its open one; its comparison stays stored."""
        if not self.store.end_draft(line, author, draft_id):
            raise NotFoundError(_none(line))

    def comparison(self, line: str, draft_id: str | None = None) -> ShadowComparison:
        """Return how this draft, or the line's open one, compares with its base so far."""
        self.versions.history(line)
        found = self.store.comparison(line, draft_id)
        if found is None:
            raise NotFoundError(_none(line))
        return found


def _none(line: str) -> str:
    return f"{line} has no draft; make one: inspector apply FILE --draft"
