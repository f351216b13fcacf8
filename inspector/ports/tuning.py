"""Port of `adapters/ledger`: the stored votes of a line, as far as other settings are replayed on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from numpy.typing import NDArray

from inspector.domain.declared import Disposition
from inspector.domain.vote import Opinion, StoppedBy, Vote
from inspector.ports.lines import JudgedCamera, LineVersion

UNREVIEWED: Final = -1  # in an array of truths, next to 0 (OK) and 1 (NG)


class IdentifiedPart(NamedTuple):
    """A stored part. `disposition` is what its votes made of it."""

    number: int
    result_id: str
    camera: str
    trigger_id: str
    part_id: str | None
    decided_at: datetime
    p_ng: float | None
    disposition: Disposition


class PartVotes(NamedTuple):
    """The votes of one stored part."""

    part: IdentifiedPart
    stopped_by: StoppedBy
    votes: tuple[Vote, ...]
    shadow: tuple[Vote, ...]
    opinion: Opinion | None


class VotedParts(NamedTuple):
    """Which parts of a line are replayed: all with a truth or shadow votes, and the newest others.

    `numbers` rise. `truth` (1 NG, 0 OK, UNREVIEWED) and `is_shadowed` (it has shadow votes) have one entry for each.
    `defects` holds the classes of NG parts by number: as people named them, else as the report does.
    """

    line: str
    fingerprint: str
    numbers: NDArray[Any]
    truth: NDArray[Any]
    is_shadowed: NDArray[Any]
    defects: Mapping[int, tuple[str, ...]] = MappingProxyType({})


class TuningArchive(Protocol):
    """The stored votes of lines. Synchronous. Raises LedgerError."""

    def versions(self, line: str) -> list[LineVersion]:
        """List all versions of a line, oldest first."""

    def judged_cameras(self, line: str, after: int = 0) -> list[JudgedCamera]:
        """List the newest judged part of each camera under each version, of those with numbers above `after`."""

    def voted_parts(self, line: str, fingerprint: str, newest: int) -> VotedParts:
        """Select the parts of a line under this fingerprint."""

    def part_votes(self, numbers: Sequence[int]) -> list[PartVotes]:
        """Return the votes of these parts, in the order of their numbers."""

    def newest_number(self, line: str, fingerprint: str) -> int:
        """Return the number of the line's newest part under this fingerprint; 0 where there is none."""

    def newest_review(self) -> int:
        """Return the number of the newest review of any line; 0 where there is none."""

    def disposition_counts(self, line: str, fingerprint: str, after: int, until: int) -> Mapping[Disposition, int]:
        """Count the line's parts with numbers above `after` and up to `until` by what their votes made of them."""
