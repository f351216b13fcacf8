"""Port of `adapters/ledger`: the challenge sets of lines, what models said about them, and qualifications."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from inspector.domain.challenge import ChallengeAnswer, ChallengePart


class NewChallengePart(NamedTuple):
    """A labelled picture to add. Its bytes are stored already."""

    sha256: str
    is_ng: bool
    group: str = ""
    note: str = ""


class ChallengeChange(NamedTuple):
    """Who changes a challenge set, when and why."""

    author: str
    at: datetime
    reason: str = ""


class ChallengeStore(Protocol):
    """The challenge sets. Synchronous. Raises LedgerError."""

    def challenge_parts(self, line: str) -> list[ChallengePart]:
        """List the parts in the line's challenge set, oldest first."""

    def add_challenge_parts(self, line: str, parts: Sequence[NewChallengePart], change: ChallengeChange) -> list[int]:
        """Add all parts, or none; return their numbers. Their pictures stay for as long as they are in the set."""

    def remove_challenge_parts(self, line: str, numbers: Sequence[int], change: ChallengeChange) -> None:
        """Remove parts from the set. Their rows and votes stay."""

    def challenge_answers(self, line: str, fingerprint: str) -> dict[int, ChallengeAnswer]:
        """Return what the model of this fingerprint said, by the part's number."""

    def add_challenge_answer(self, answer: ChallengeAnswer) -> None:
        """Store an answer. It replaces an earlier one of the same part and fingerprint."""
