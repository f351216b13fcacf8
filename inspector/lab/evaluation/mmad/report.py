"""MMAD's figures as one document and as a page: ours under both scorings, and the published ones beside them. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from inspector.lab.evaluation.mmad.letter_strategy import LetterStrategy
from inspector.lab.evaluation.mmad.letter_votes import LetterVote
from inspector.lab.evaluation.mmad.published import MISPRINT, PUBLISHED
from inspector.lab.evaluation.mmad.scores import AnsweredItem, ScoreRow, ScoreTable, Scoring, score_table

COLUMNS: Final[Mapping[str, str]] = {
    "anomaly_detection": "AD",
    "defect_classification": "DC",
    "defect_localization": "DL",
    "defect_description": "DD",
    "defect_analysis": "DA",
    "object_classification": "OC",
    "object_analysis": "OA",
    "average": "avg",
    "recall": "rec",
    "precision": "prec",
    "f1": "F1",
}
NOTE: Final = (
    "AD, DC, DL, DD, DA, OC, OA: anomaly detection; defect classification, localization, description, analysis; object "
    "classification, analysis. Percent. official: answers that can't be read are left out; strict: they are wrong. The "
    f"seed paper's figures are official ones, had with another wording; {MISPRINT}."
)


@dataclass(frozen=True, slots=True)
class StrategyResult:
    """What one strategy came to: every question with its letter, and the votes it took."""

    strategy: LetterStrategy
    marked: tuple[AnsweredItem, ...]
    votes: tuple[LetterVote, ...]

    @property
    def unparsable(self) -> int:
        return sum(each.letter is None for each in self.marked)

    @property
    def votes_mean(self) -> float:
        return len(self.votes) / len(self.marked)

    @property
    def tokens_mean(self) -> float:
        return sum(vote.tokens for vote in self.votes) / len(self.marked)

    @property
    def ms_mean(self) -> float:
        """A call's time is shared out among its votes; asking for trust costs the strategy that weighs by it."""
        waited = (vote.ms + (vote.trust_ms if self.strategy.weighted else 0.0) for vote in self.votes)
        return math.fsum(waited) / len(self.marked)

    @property
    def costs(self) -> str:
        per_question = f"{self.votes_mean:.1f} votes, {self.tokens_mean:.0f} tokens, {self.ms_mean:.0f} ms a question"
        return f"{self.unparsable} unparsable, {per_question}"

    def as_json(self) -> dict[str, Any]:
        return {
            **{scoring.value: _plain(score_table(self.marked, scoring)) for scoring in Scoring},
            "unparsable": self.unparsable,
            "votes_mean": round(self.votes_mean, 3),
            "tokens_mean": round(self.tokens_mean, 3),
            "ms_mean": round(self.ms_mean, 3),
        }


def document(about: Mapping[str, Any], outcomes: Sequence[StrategyResult]) -> dict[str, Any]:
    """Everything, ready for JSON."""
    published = [
        {"table": each.table, "model": each.model, "strategy": each.strategy, "official": _plain(each.rows)}
        for each in PUBLISHED
    ]
    strategies = {outcome.strategy.name: outcome.as_json() for outcome in outcomes}
    return {**about, "strategies": strategies, "published": published, "note": NOTE}


def tables(outcomes: Sequence[StrategyResult]) -> Iterator[tuple[str, ScoreTable]]:
    """Title and rows of every table, ours first."""
    for outcome in outcomes:
        for scoring in Scoring:
            yield f"{outcome.strategy.name}, {scoring}: {outcome.costs}", score_table(outcome.marked, scoring)
    for each in PUBLISHED:
        yield each.title, each.rows


def page(title: str, outcomes: Sequence[StrategyResult]) -> str:
    """The tables in Markdown."""
    head = f"| data set | {' | '.join(COLUMNS.values())} |\n|---|{'--:|' * len(COLUMNS)}\n"
    parts = (
        f"## {name}\n\n{head}{''.join(_line(*each) for each in found.items())}" for name, found in tables(outcomes)
    )
    return "\n".join((f"# {title}\n", *parts, f"{NOTE}\n"))


def cells(row: ScoreRow) -> list[str]:
    """The figures as they are shown."""
    return ["-" if value is None else f"{value:.1f}" for value in row]


def _line(name: str, row: ScoreRow) -> str:
    return f"| {name} | {' | '.join(cells(row))} |\n"


def _plain(found: ScoreTable) -> dict[str, Any]:
    return {
        name: {column: None if value is None else round(value, 3) for column, value in row._asdict().items()}
        for name, row in found.items()
    }
