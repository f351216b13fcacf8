"""Ask a model the questions of MMAD, the public benchmark, and score its answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from inspector.lab.evaluation.mmad.answer_collector import AnswerCollector
from inspector.lab.evaluation.mmad.item_reader import Templates, read_items
from inspector.lab.evaluation.mmad.items import Item, MmadWording, sample_items
from inspector.lab.evaluation.mmad.letter_strategy import LetterStrategy, letter_strategy
from inspector.lab.evaluation.mmad.letter_votes import VoteFile
from inspector.lab.evaluation.mmad.report import StrategyResult, document
from inspector.lab.evaluation.mmad.scores import AnsweredItem
from inspector.operations.progress import ReportProgress, no_progress
from inspector.ports.engine import Engine

DEFAULT_STRATEGIES: Final = ("single", "majority-3")  # those that the seed paper compares


@dataclass(frozen=True, slots=True)
class MmadSettings:
    """The benchmark's folder, templates shown with each picture, strategies by name, at most how many good and how many
    NG pictures of each data set, the list that templates are taken from, the file of domain knowledge, and the wording
    of all questions."""

    root: Path
    shots: int
    strategies: Sequence[str] = DEFAULT_STRATEGIES
    limit: int | None = None
    templates: Templates = Templates.RANDOM
    knowledge: Path | None = None
    wording: MmadWording = MmadWording.OWN


class MmadEvaluation(NamedTuple):
    """The document of all figures, and the results it was made from."""

    document: dict[str, Any]
    results: list[StrategyResult]


def evaluate_mmad(
    settings: MmadSettings, load: Callable[[], Engine], votes: Path, progress: ReportProgress = no_progress
) -> MmadEvaluation:
    """Ask all questions that `votes` holds no answers to, and score every strategy.

    Checks strategies, mmad.json and all pictures before it loads the model.
    """
    strategies = list({each.name: each for each in map(letter_strategy, settings.strategies)}.values())
    items = sample_items(_read(settings), settings.limit)
    with VoteFile(votes) as vote_file:
        engine = load()
        collector = AnswerCollector(engine, settings.root, strategies, vote_file)
        stage = f"MMAD, {settings.shots}-shot"
        asyncio.run(collector.run(items, lambda done: progress(stage, done, len(items))))
        results = [_result(collector, strategy, items) for strategy in strategies]
    about = {
        "shots": settings.shots,
        "templates": settings.templates.value,
        "wording": settings.wording.value,
        "domain_knowledge": settings.knowledge is not None,
        "pictures": len({item.picture for item in items}),
        "questions": len(items),
        "model_fingerprint": engine.fingerprint,
    }
    return MmadEvaluation(document(about, results), results)


def _read(settings: MmadSettings) -> list[Item]:
    items = read_items(settings.root, settings.shots, settings.templates, settings.knowledge)
    return [replace(item, wording=settings.wording) for item in items]


def _result(collector: AnswerCollector, strategy: LetterStrategy, items: Sequence[Item]) -> StrategyResult:
    votes = [collector.votes(item, strategy) for item in items]
    answered = [
        AnsweredItem(item, strategy.answer(of_item), strategy.official_answer(of_item, item.options_by_letter))
        for item, of_item in zip(items, votes, strict=True)
    ]
    return StrategyResult(strategy, tuple(answered), tuple(vote for of_item in votes for vote in of_item))
