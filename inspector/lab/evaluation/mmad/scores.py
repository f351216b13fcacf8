"""MMAD's figures: the columns of the seed paper's tables, in percent. Pure.

There are three scorings. official: what the benchmark's own code computes, to the letter. Its parser falls back to the
option with the closest words. Its scorer removes an unparsable answer from the list that it walks along, and so skips
the answer behind it too. What a data set was never asked counts as 0. readable: an unreadable answer is left out.
strict: it counts as wrong. Anomaly detection is the mean of the accuracies on normal and on abnormal pictures. Recall,
precision and F1 are about abnormal (NG) parts. Averages over tasks and data sets are unweighted.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from inspector.lab.evaluation.mmad.items import DataSet, Item, Task

AVERAGE: Final = "Average"


class Scoring(StrEnum):
    """How unreadable answers count."""

    OFFICIAL = "official"
    READABLE = "readable"
    STRICT = "strict"


class AnsweredItem(NamedTuple):
    """A question and the letter of its answer; None if the answer cannot be read. `official`: the letter as MMAD's own
    parser reads it."""

    item: Item
    letter: str | None
    official: str | None

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
    counted = _counted(answered, scoring)
    asked = [name for name in DataSet if any(each.item.data_set is name for each in answered)]
    rows = {name.value: score_row([each for each in counted if each.item.data_set is name]) for name in asked}
    if scoring is Scoring.OFFICIAL:
        tasks = {each.item.task for each in answered}
        rows = {name: _without_gaps(row, counted, DataSet(name), tasks) for name, row in rows.items()}
    return with_average(rows)


def _counted(answered: Sequence[AnsweredItem], scoring: Scoring) -> list[AnsweredItem]:
    if scoring is Scoring.OFFICIAL:
        return _kept_by_official_walk([each._replace(letter=each.official) for each in answered])
    return [each for each in answered if scoring is Scoring.STRICT or each.letter is not None]


def _kept_by_official_walk(answered: Sequence[AnsweredItem]) -> list[AnsweredItem]:
    """Leave out unparsable answers, and the answer behind each one that is reached."""
    kept, skips = list[AnsweredItem](), False
    for each in answered:
        if skips:
            skips = False
        elif each.letter is None:
            skips = True
        else:
            kept.append(each)
    return kept


def _without_gaps(row: ScoreRow, counted: Sequence[AnsweredItem], name: DataSet, tasks: Collection[Task]) -> ScoreRow:
    """The row with 0 for each task that any data set was asked; a kind of picture that was not counted is all wrong."""
    detected = [each for each in counted if each.item.data_set is name and each.item.task is Task.ANOMALY_DETECTION]
    kinds = ([each.right for each in detected if each.item.normal is normal] for normal in (True, False))
    detection = math.fsum(_share(sum(kind), len(kind)) or 0.0 for kind in kinds) / 2
    known = row._asdict() | {Task.ANOMALY_DETECTION.value: detection}
    filled = {task.value: known[task.value] or 0.0 for task in Task if task in tasks}
    return row._replace(**dict.fromkeys(Task, None) | filled, average=_mean(filled.values()))


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
