"""Asks a model the public benchmark's questions, and shows its figures beside the published ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console, Group
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from inspector.lab.evaluation.mmad.answer_collector import AnswerCollector
from inspector.lab.evaluation.mmad.item_reader import read_items
from inspector.lab.evaluation.mmad.items import Item, sample_items
from inspector.lab.evaluation.mmad.letter_strategy import LetterStrategy, letter_strategy
from inspector.lab.evaluation.mmad.letter_votes import VoteFile
from inspector.lab.evaluation.mmad.report import COLUMNS, NOTE, StrategyResult, cells, document, page, tables
from inspector.lab.evaluation.mmad.scores import AnsweredItem, ScoreTable
from inspector.ports.engine import Engine

DEFAULT_STRATEGIES: Final = ("single", "majority-3")  # what the seed paper compares


@dataclass(frozen=True, slots=True)
class MmadSettings:
    """What is asked: the benchmark's folder, templates per picture, strategies by name, and how many good and NG
    pictures of each data set."""

    root: Path
    shots: int
    strategies: Sequence[str] = DEFAULT_STRATEGIES
    limit: int | None = None


def evaluate_mmad(
    screen: Console, settings: MmadSettings, load: Callable[[], Engine], votes: Path
) -> tuple[dict[str, Any], list[StrategyResult]]:
    """The document of all figures, and what it was made of. Answers that `votes` holds are not asked for again.

    Everything is checked before the model is loaded: strategies, mmad.json and that every picture is there.
    """
    strategies = list({each.name: each for each in map(letter_strategy, settings.strategies)}.values())
    items = sample_items(read_items(settings.root, settings.shots), settings.limit)
    with VoteFile(votes) as kept, _progress(screen, settings) as bars:
        engine = load()
        examination = AnswerCollector(engine, settings.root, strategies, kept)
        bar = bars.add_task("MMAD", total=len(items))
        asyncio.run(examination.run(items, lambda count: bars.update(bar, advance=count)))
        outcomes = [_outcome(examination, each, items) for each in strategies]
    pictures = len({item.picture for item in items})
    about = {
        "shots": settings.shots,
        "pictures": pictures,
        "questions": len(items),
        "model_fingerprint": engine.fingerprint,
    }
    return document(about, outcomes), outcomes


def write(folder: Path, title: str, result: dict[str, Any], outcomes: Sequence[StrategyResult]) -> None:
    """The same figures as mmad.json and mmad.md."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mmad.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    (folder / "mmad.md").write_text(page(title, outcomes), encoding="utf-8")


def picture(outcomes: Sequence[StrategyResult]) -> Group:
    """All tables, for a terminal of 80 columns."""
    shown = ((Text(title, style="bold"), _table(rows)) for title, rows in tables(outcomes))
    return Group(*(part for pair in shown for part in pair), Text(NOTE))


def _outcome(examination: AnswerCollector, each: LetterStrategy, items: Sequence[Item]) -> StrategyResult:
    votes = [examination.votes(item, each) for item in items]
    marked = tuple(AnsweredItem(item, each.answer(given)) for item, given in zip(items, votes, strict=True))
    return StrategyResult(each, marked, tuple(vote for given in votes for vote in given))


def _progress(screen: Console, settings: MmadSettings) -> Progress:
    told = TextColumn(f"MMAD, {settings.shots}-shot")
    return Progress(told, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=screen)


def _table(rows: ScoreTable) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("data set", no_wrap=True)
    for name in COLUMNS.values():
        table.add_column(name, justify="right", min_width=5)
    for name, row in rows.items():
        table.add_row(name, *cells(row))
    return table
