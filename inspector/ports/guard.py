"""Port of `adapters/ledger`: what the guard of a line reads, and how it pauses the line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

GUARD_AUTHOR: Final = "guard"  # of a change of state that no person made


class GuardedPart(NamedTuple):
    """A part with at least one vote: its number, which grows with time, its version, and whether that rejects it."""

    number: int
    version: int
    is_rejected: bool


class GuardPause(NamedTuple):
    """The wish to pause a line because of one of its versions."""

    line: str
    version: int
    reason: str


class GuardStore(Protocol):
    """What the guard does. Raises LedgerError."""

    async def guarded_parts(self, line: str, after: int, limit: int) -> Sequence[GuardedPart]:
        """Return the line's newest parts with votes and a number above `after`, oldest first."""

    async def pause_for_guard(self, pause: GuardPause) -> bool:
        """Pause the line, if it is set live and the guard did not pause it for this version before.

        A person who sets it live again has overruled the guard.
        """
