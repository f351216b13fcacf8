"""Port of `adapters/ledger`: sums over parts and reviews, for statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from inspector.domain.declared import Disposition


class StatisticsQuery(NamedTuple):
    """Which parts to count: those decided from `since` until before `until`; None means any.

    Both times begin a quarter of an hour. `lines` are all that may be counted.
    """

    since: datetime
    until: datetime
    line: str | None = None
    camera: str | None = None
    is_simulated: bool | None = None
    lines: tuple[str, ...] | None = None


class OutcomeSum(NamedTuple):
    """Parts of one outcome that were decided in the quarter of an hour from `start` on.

    `would_be` is the disposition that a LIVE line would have given them; unjudged parts got no vote.
    """

    start: datetime
    disposition: Disposition
    would_be: Disposition
    is_judged: bool
    parts: int
    late: int


class ReviewedSum(NamedTuple):
    """Judged parts of one outcome whose truth is known, decided in the quarter of an hour from `start` on.

    `probability` is that of the draw of an audit; None where the parts were not drawn.
    """

    start: datetime
    would_be: Disposition
    is_ng: bool
    probability: float | None
    parts: int


class GivenAnswer(NamedTuple):
    """A person's standing answer to a part: OK, NG or UNSURE. `blind`: without seeing the verdict or other answers."""

    part: int
    reviewer: str
    label: str
    at: datetime
    seconds: float | None
    blind: bool


class StatisticsArchive(Protocol):
    """Sums over parts and reviews. Synchronous. Raises LedgerError."""

    def outcome_sums(self, query: StatisticsQuery) -> Sequence[OutcomeSum]:
        """Return the sums over parts, by time."""

    def defect_sums(self, query: StatisticsQuery) -> Mapping[str, int]:
        """Count the parts whose report names a defect class, by class."""

    def reviewed_defect_sums(self, query: StatisticsQuery) -> Mapping[str, int]:
        """Count the parts that are NG by people, by the class that people named."""

    def reviewed_sums(self, query: StatisticsQuery) -> Sequence[ReviewedSum]:
        """Return the sums over parts whose truth is known, by time."""

    def answers(self, query: StatisticsQuery, limit: int) -> Sequence[GivenAnswer]:
        """List the newest answers that people gave in this time, and all other answers to the same parts."""
