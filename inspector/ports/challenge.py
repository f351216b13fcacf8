"""Port of `adapters/ledger`: the challenge sets of lines, what models said about them, and qualifications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from inspector.domain.cameras import Region
from inspector.domain.challenge import ChallengeAnswer, ChallengePart
from inspector.ports.pool import Job, Judgement


class NewChallengePart(NamedTuple):
    """A labelled picture to add. Its bytes are stored already. `camera` took it; empty for no named one."""

    sha256: str
    is_ng: bool
    group: str = ""
    note: str = ""
    camera: str = ""


class ChallengeChange(NamedTuple):
    """Who changes a challenge set, when and why."""

    author: str
    at: datetime
    reason: str = ""


class QualificationBasis(StrEnum):
    """Where the votes of a qualification came from.

    ASKED: the model was asked for this qualification. STORED_VOTES: all votes were stored before, under the same
    fingerprint. SHIPPED: the qualification of the drawn lines, which comes with the embedded model.
    """

    ASKED = "ASKED"
    STORED_VOTES = "STORED_VOTES"
    SHIPPED = "SHIPPED"


class QualificationRecord(NamedTuple):
    """The replay of a challenge set through one version, as cameras of one region judge it, and whether it passed.

    `held` are the numbers of all parts that the line's set had. `cameras` are those that a right to pass will cover,
    `region` is theirs, and `scoring` hashes what their fingerprint covers besides the model.
    """

    line: str
    version: int
    fingerprint: str
    policy: str
    basis: QualificationBasis
    passed: bool
    figures: Mapping[str, Any]
    missing: Sequence[str]
    held: Sequence[int]
    cameras: Sequence[str]
    region: Region | None
    scoring: str
    author: str
    reason: str
    at: datetime


class StoredQualification(NamedTuple):
    """A recorded qualification: what it replayed, whether it passed, and what was missing.

    `cameras` is empty for those that were recorded before cameras were.
    """

    number: int
    line: str
    version: int
    fingerprint: str
    policy: str
    basis: QualificationBasis
    passed: bool
    figures: Mapping[str, Any]
    missing: Sequence[str]
    cameras: Sequence[str]
    region: Region | None
    author: str
    reason: str
    at: datetime


class ChallengeModel(Protocol):
    """The model that judges challenge parts, one at a time."""

    async def judge(self, job: Job) -> Judgement:
        """Climb the job's ladder. Raises InspectorError where the model can't be used at all."""


class QualificationStore(Protocol):
    """Qualifications and the rights that they give. Synchronous. Raises LedgerError."""

    def record_qualification(self, record: QualificationRecord) -> None:
        """Store the qualification and, in the same transaction, grant or revoke the right to pass that it is about.

        Raises LedgerError, and changes nothing, if the challenge set is another one by now.
        """

    def qualifications(self, line: str, limit: int) -> list[StoredQualification]:
        """List the newest qualifications of a line, the newest first."""


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
