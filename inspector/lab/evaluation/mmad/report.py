"""The MMAD results as a document and as Markdown: measured figures under both scorings, and published ones. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from inspector.lab.evaluation.mmad.letter_strategy import LetterStrategy
from inspector.lab.evaluation.mmad.letter_votes import LetterVote
from inspector.lab.evaluation.mmad.published import MISPRINT, PUBLISHED
from inspector.lab.evaluation.mmad.scores import AnsweredItem, ScoreRow, ScoreTable, Scoring, score_table
from inspector.lab.report_files import ReportFiles, json_text, markdown_table

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
    "classification, analysis. Percent. official: as the benchmark's own code counts; readable: unreadable "
    "answers are left out; strict: they count as wrong. The "
    f"seed paper's figures are official ones, measured with another wording; {MISPRINT}."
)


@dataclass(frozen=True, slots=True)
class StrategyResult:
    """The result of one strategy: every question with its letter, and all votes used."""

    strategy: LetterStrategy
    answered: tuple[AnsweredItem, ...]
    votes: tuple[LetterVote, ...]

    @property
    def unparsable(self) -> int:
        return sum(each.letter is None for each in self.answered)

    @property
    def votes_mean(self) -> float:
        return len(self.votes) / len(self.answered)

    @property
    def tokens_mean(self) -> float:
        return sum(vote.tokens for vote in self.votes) / len(self.answered)

    @property
    def ms_mean(self) -> float:
        """Mean time per question. A call's time is shared between its votes; a weighted strategy also pays for the
        questions about the model's trust."""
        times = (vote.ms + (vote.trust_ms if self.strategy.weighted else 0.0) for vote in self.votes)
        return math.fsum(times) / len(self.answered)

    @property
    def costs(self) -> str:
        per_question = f"{self.votes_mean:.1f} votes, {self.tokens_mean:.0f} tokens, {self.ms_mean:.0f} ms a question"
        return f"{self.unparsable} unparsable, {per_question}"

    def as_json(self) -> dict[str, Any]:
        return {
            **{scoring.value: _table_json(score_table(self.answered, scoring)) for scoring in Scoring},
            "unparsable": self.unparsable,
            "votes_mean": round(self.votes_mean, 3),
            "tokens_mean": round(self.tokens_mean, 3),
            "ms_mean": round(self.ms_mean, 3),
        }


def document(about: Mapping[str, Any], results: Sequence[StrategyResult]) -> dict[str, Any]:
    """All figures, ready for JSON."""
    published = [
        {"table": each.table, "model": each.model, "strategy": each.strategy, "official": _table_json(each.rows)}
        for each in PUBLISHED
    ]
    strategies = {result.strategy.name: result.as_json() for result in results}
    return {**about, "strategies": strategies, "published": published, "note": NOTE}


def mmad_report(title: str, figures: Mapping[str, Any], results: Sequence[StrategyResult]) -> ReportFiles:
    """`mmad.json` and `mmad.md`; `figures` is the document of the same results."""
    return {"mmad.json": json_text(figures), "mmad.md": as_markdown(title, results)}


def titled_tables(results: Sequence[StrategyResult]) -> Iterator[tuple[str, ScoreTable]]:
    """Title and rows of every table, measured ones first."""
    for result in results:
        for scoring in Scoring:
            yield f"{result.strategy.name}, {scoring}: {result.costs}", score_table(result.answered, scoring)
    for published in PUBLISHED:
        yield published.title, published.rows


def as_markdown(title: str, results: Sequence[StrategyResult]) -> str:
    columns = ["data set", *COLUMNS.values()]
    sections = (
        f"## {name}\n\n{markdown_table(columns, ([data_set, *cells(row)] for data_set, row in rows.items()))}\n"
        for name, rows in titled_tables(results)
    )
    return "\n".join((f"# {title}\n", *sections, f"{NOTE}\n"))


def cells(row: ScoreRow) -> list[str]:
    """The cells of a row, in the order of COLUMNS."""
    return ["-" if value is None else f"{value:.1f}" for value in row]


def _table_json(rows: ScoreTable) -> dict[str, Any]:
    return {
        name: {column: None if value is None else round(value, 3) for column, value in row._asdict().items()}
        for name, row in rows.items()
    }
