"""Port of `adapters/ledger`: drafts of lines, and how they compare with the live version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from inspector.domain.declared import Disposition
from inspector.domain.pipeline import Pipeline
from inspector.ports.archive import PartRow


class Draft(NamedTuple):
    """A version of a line that is not live. It decides on the votes of version `base` and publishes nothing.

    `after` is the number of the newest part when the draft was made.
    """

    draft_id: str
    pipeline: Pipeline
    golden: tuple[str, ...]
    base: int
    author: str
    reason: str
    source: str
    at: datetime
    after: int = 0

    @property
    def line(self) -> str:
        return self.pipeline.line


class ShadowDecision(NamedTuple):
    """The dispositions of one part under both versions; `drafted` None: the draft would have asked more."""

    draft_id: str
    part: int
    live: Disposition
    drafted: Disposition | None


class ShadowComparison(NamedTuple):
    """A draft with the number of parts for each pair of dispositions: live, and the draft's (None: unknown)."""

    draft: Draft
    parts: Mapping[tuple[Disposition, Disposition | None], int]


class DraftStore(Protocol):
    """What commands do with drafts. Synchronous. Raises LedgerError."""

    def add_draft(self, draft: Draft) -> None:
        """Store the draft. An earlier draft of the line ends."""

    def end_draft(self, line: str, author: str) -> bool:
        """End the line's draft; returns False where it has none. Its comparison stays."""

    def comparison(self, line: str) -> ShadowComparison | None:
        """Return the line's open draft and its comparison so far; None where it has none."""


class ShadowStore(Protocol):
    """What the station does with drafts. Raises LedgerError."""

    async def open_drafts(self) -> list[Draft]:
        """List the open drafts of all lines."""

    async def undecided(self, draft: Draft, limit: int) -> list[PartRow]:
        """List the oldest judged parts of the draft's base that the draft has not decided on."""

    async def add_shadow_decisions(self, decisions: Sequence[ShadowDecision]) -> None:
        """Store decisions; a stored one stays."""
