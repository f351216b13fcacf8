"""`ports.StatisticsArchive` in lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from inspector.ports.statistics import GivenAnswer, OutcomeSum, ReviewedSum, StatisticsQuery


@dataclass
class ListedSums:
    """It remembers what it was asked."""

    outcomes: Sequence[OutcomeSum] = ()
    reviewed: Sequence[ReviewedSum] = ()
    given: Sequence[GivenAnswer] = ()
    defects: Mapping[str, int] = field(default_factory=dict)
    asked: list[StatisticsQuery] = field(default_factory=list)

    def outcome_sums(self, query: StatisticsQuery) -> Sequence[OutcomeSum]:
        self.asked.append(query)
        return self.outcomes

    def reviewed_sums(self, query: StatisticsQuery) -> Sequence[ReviewedSum]:
        return self.reviewed

    def defect_sums(self, query: StatisticsQuery) -> Mapping[str, int]:
        return self.defects

    def reviewed_defect_sums(self, query: StatisticsQuery) -> Mapping[str, int]:
        return {}

    def answers(self, query: StatisticsQuery, limit: int) -> Sequence[GivenAnswer]:
        return self.given
