"""MMAD's figures: the columns of the seed paper's tables, in percent. Pure.

There are two scorings. official: an unreadable answer is left out of every count, as in the benchmark's own scorer,
which flatters a model that answers only what it knows. strict: it counts as wrong. Anomaly detection is the mean of the
accuracies on normal and on abnormal pictures. Recall, precision and F1 are about abnormal (NG) parts. Averages over
tasks and data sets are unweighted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from inspector.lab.evaluation.mmad.items import DataSet, Item, Task

AVERAGE: Final = "Average"


class Scoring(StrEnum):
    """How unreadable answers count."""

    OFFICIAL = "official"
    STRICT = "strict"


class AnsweredItem(NamedTuple):
    """A question and the letter of its answer; None if the answer cannot be read."""

    item: Item
    letter: str | None

    @property
    def right(self) -> bool:
        return self.letter == self.item.answer


class ScoreRow(NamedTuple):
    """One row of the tables; None where nothing was counted."""

    anomaly_detection: float | None
    defect_classification: float | None
    defect_localization: float | None
    defect_description: float | None
    defect_analysis: float | None
    object_classification: float | None
    object_analysis: float | None
    average: float | None
    recall: float | None
    precision: float | None
    f1: float | None


ScoreTable = dict[str, ScoreRow]


def score_table(answered: Sequence[AnsweredItem], scoring: Scoring) -> ScoreTable:
    """One row per data set that was asked about, and their average."""
    counted = [each for each in answered if scoring is Scoring.STRICT or each.letter is not None]
    asked = [name for name in DataSet if any(each.item.data_set is name for each in answered)]
    return with_average(
        {name.value: score_row([each for each in counted if each.item.data_set is name]) for name in asked}
    )


def with_average(by_set: ScoreTable) -> ScoreTable:
    """The same rows, followed by the mean of each column."""
    return {**by_set, AVERAGE: ScoreRow(*map(_mean, zip(*by_set.values(), strict=True)))} if by_set else {}


def score_row(answered: Sequence[AnsweredItem]) -> ScoreRow:
    """The figures of one data set."""
    by_task = {task: [each for each in answered if each.item.task is task] for task in Task}
    detected = by_task.pop(Task.ANOMALY_DETECTION)
    normal = [each.right for each in detected if each.item.normal]
    abnormal = [each.right for each in detected if not each.item.normal]
    both = _share(sum(normal), len(normal)), _share(sum(abnormal), len(abnormal))
    tasks = [
        None if None in both else _mean(both),
        *(_share(sum(each.right for each in of_task), len(of_task)) for of_task in by_task.values()),
    ]
    hits, false_alarms = sum(abnormal), len(normal) - sum(normal)
    recall, precision = _share(hits, len(abnormal)), _share(hits, hits + false_alarms)
    f1 = _share(2 * hits, len(abnormal) + hits + false_alarms)
    return ScoreRow._make((*tasks, _mean(tasks), recall, precision, f1))


def _share(part: int, whole: int) -> float | None:
    return 100.0 * part / whole if whole else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None
