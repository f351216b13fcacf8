"""MMAD's figures from answers: the columns of the seed paper's tables, in percent. Pure.

Two scorings. official: as the benchmark's own scorer, an answer that can't be read is left out of every count, which
flatters a model that answers only what it knows. strict: it is wrong. Anomaly detection is the mean of the accuracies
on normal and on abnormal pictures; a part is NG ("abnormal") for recall, precision and F1; averages over tasks and
data sets carry no weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from inspector.lab.evaluation.mmad.items import DataSet, Item, Task

AVERAGE: Final = "Average"


class Scoring(StrEnum):
    OFFICIAL = "official"
    STRICT = "strict"


class AnsweredItem(NamedTuple):
    """A question and the letter it was answered with; None where the answer can't be read."""

    item: Item
    letter: str | None

    @property
    def right(self) -> bool:
        return self.letter == self.item.answer


class ScoreRow(NamedTuple):
    """One row of the tables; None where there was nothing to count."""

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


def score_table(marked: Sequence[AnsweredItem], scoring: Scoring) -> ScoreTable:
    """A row for every data set that was asked about, and their average."""
    counted = [each for each in marked if scoring is Scoring.STRICT or each.letter is not None]
    asked = [name for name in DataSet if any(each.item.data_set is name for each in marked)]
    return with_average(
        {name.value: score_row([each for each in counted if each.item.data_set is name]) for name in asked}
    )


def with_average(by_set: ScoreTable) -> ScoreTable:
    """The same rows and, below them, the mean of each column."""
    return {**by_set, AVERAGE: ScoreRow(*map(_mean, zip(*by_set.values(), strict=True)))} if by_set else {}


def score_row(marked: Sequence[AnsweredItem]) -> ScoreRow:
    """The figures of one data set."""
    by_task = {task: [each for each in marked if each.item.task is task] for task in Task}
    detected = by_task.pop(Task.ANOMALY_DETECTION)
    normal = [each.right for each in detected if each.item.normal]
    abnormal = [each.right for each in detected if not each.item.normal]
    both = _share(sum(normal), len(normal)), _share(sum(abnormal), len(abnormal))
    tasks = [
        None if None in both else _mean(both),
        *(_share(sum(each.right for each in of_task), len(of_task)) for of_task in by_task.values()),
    ]
    found, alarms = sum(abnormal), len(normal) - sum(normal)
    recall, precision = _share(found, len(abnormal)), _share(found, found + alarms)
    f1 = _share(2 * found, len(abnormal) + found + alarms)
    return ScoreRow._make((*tasks, _mean(tasks), recall, precision, f1))


def _share(part: int, whole: int) -> float | None:
    return 100.0 * part / whole if whole else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None
