"""Port of `adapters/ledger`: answers that gates have before the ledger has their parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from inspector.domain.part import Evidence, PartRecord
from inspector.ports.broker import OutgoingMessage


@dataclass(frozen=True, slots=True)
class AnsweredPart:
    """A part whose gate has its verdict although the ledger does not hold the part yet. The verdict is the first
    message."""

    part: PartRecord
    messages: list[OutgoingMessage]

    def with_picture(self, evidence: Evidence | None) -> AnsweredPart:
        """Return the same answer about a part with this picture."""
        sha256 = self.part.received_sha256 or (evidence.sha256 if evidence else "")
        return replace(self, part=replace(self.part, evidence=evidence, received_sha256=sha256))


class AnswerJournal(Protocol):
    """Keeps answered parts over a restart of their station. Called in one worker thread. Raises LedgerError."""

    def read(self) -> list[AnsweredPart]:
        """Return the parts that earlier processes of this station left, and keep them."""

    def write(self, answered: Sequence[AnsweredPart], recorded: Sequence[str]) -> None:
        """Keep `answered`, durable on return, then drop the parts with these result ids: the ledger has them."""

    def close(self) -> None:
        """Keep what was not dropped for the next process, and nothing else."""
