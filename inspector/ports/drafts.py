"""Port of `adapters/ledger`: drafts of lines, and how they compare with the live version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from inspector.domain.declared import Disposition
from inspector.domain.pipeline import Pipeline
from inspector.ports.archive import PartRow
from inspector.ports.lines import DeclaredVersion, NewVersion


class Draft(NamedTuple):
    """A version of a line that is not live. It decides on the votes of version `base` and publishes nothing.

    `after` is the number of the newest part when the draft was made. A draft that `rescores` decides on no votes: those
    of its base say nothing about it. An ended draft has `ended_at`, and `version` where it became live.
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
    rescores: bool = False
    ended_at: datetime | None = None
    version: int | None = None

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

    @property
    def total(self) -> int:
        return sum(self.parts.values())

    @property
    def differ(self) -> int:
        """The parts that the draft would decide otherwise."""
        return sum(count for (live, drafted), count in self.parts.items() if drafted not in (live, None))

    @property
    def unknown(self) -> int:
        return sum(count for (_, drafted), count in self.parts.items() if drafted is None)


class OpenDraft(NamedTuple):
    """The open draft that the author of a change knows of; None where the line had none."""

    draft_id: str | None


class Promotion(NamedTuple):
    """A draft that becomes live as this version. `key` names the request, so that a repeated one changes nothing."""

    draft_id: str
    declared: DeclaredVersion
    key: str = ""


class DraftStore(Protocol):
    """What people do with drafts. Synchronous. Raises LedgerError."""

    def add_draft(self, draft: Draft, known: OpenDraft | None = None) -> None:
        """Store the draft. An earlier draft of the line ends.

        Raises ConflictError, and changes nothing, where the live version is not the draft's base, or where the line's
        open draft is not the `known` one.
        """

    def draft(self, line: str, draft_id: str) -> Draft | None:
        """Return a draft, open or ended."""

    def drafts(self, line: str, limit: int) -> list[Draft]:
        """List the newest drafts of a line, the newest first."""

    def promote(self, promotion: Promotion) -> NewVersion:
        """Store the version and end the draft, in one transaction; a repetition returns the version of the first time.

        Raises ConflictError, and changes nothing, where the draft has ended or the live version is not its base.
        """

    def end_draft(self, line: str, author: str, draft_id: str | None = None) -> bool:
        """End this draft of the line, or its open one; returns False where there is none. Its comparison stays."""

    def comparison(self, line: str, draft_id: str | None = None) -> ShadowComparison | None:
        """Return this draft of the line, or its open one, and its comparison so far; None where there is none."""


class ShadowStore(Protocol):
    """What the station does with drafts. Raises LedgerError."""

    async def open_drafts(self) -> list[Draft]:
        """List the open drafts of all lines that decide on the votes of their base."""

    async def undecided(self, draft: Draft, limit: int) -> list[PartRow]:
        """List the oldest judged parts of the draft's base that the draft has not decided on."""

    async def add_shadow_decisions(self, decisions: Sequence[ShadowDecision]) -> None:
        """Store decisions; a stored one stays."""
