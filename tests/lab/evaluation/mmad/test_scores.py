"""The benchmark's figures, under both scorings, and the published ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.mmad_parts import an_item

from inspector.lab.evaluation.mmad.items import DataSet, Item, Task
from inspector.lab.evaluation.mmad.published import PUBLISHED
from inspector.lab.evaluation.mmad.scores import AVERAGE, AnsweredItem, ScoreRow, Scoring, score_row, score_table

GOOD, BAD = "VisA/candle/test/good/0.png", "VisA/candle/test/bad/0.png"


def marks(right: int, wrong: int, unread: int = 0, **changes: object) -> list[AnsweredItem]:
    item = an_item(**changes)
    return [read(item, letter) for letter in [*"B" * right, *"A" * wrong, *[None] * unread]]


def read(item: Item, letter: str | None) -> AnsweredItem:
    return AnsweredItem(item, letter, letter)


@st.composite
def marked(draw: st.DrawFn) -> list[AnsweredItem]:
    def one() -> st.SearchStrategy[AnsweredItem]:
        item = st.builds(
            an_item,
            data_set=st.sampled_from(DataSet),
            task=st.sampled_from(Task),
            picture=st.sampled_from([GOOD, BAD]),
        )
        return st.builds(read, item, st.sampled_from(["A", "B", "E", None]))

    return draw(st.lists(one(), max_size=40))


def test_the_columns_are_the_tasks_in_their_order() -> None:
    assert ScoreRow._fields == (*Task, "average", "recall", "precision", "f1")


def test_anomaly_detection_is_the_mean_of_both_accuracies() -> None:
    result = score_row(marks(3, 1, picture=GOOD) + marks(5, 5, picture=BAD))
    assert result.anomaly_detection == pytest.approx((75.0 + 50.0) / 2)
    assert result.recall == pytest.approx(50.0)
    assert result.precision == pytest.approx(100.0 * 5 / 6)
    assert result.f1 == pytest.approx(100.0 * 10 / 16)


def test_the_average_is_that_of_the_tasks() -> None:
    of_tasks = [marks(1, place, task=task) for place, task in enumerate(Task) if task is not Task.ANOMALY_DETECTION]
    result = score_row(
        [*marks(1, 0, picture=GOOD), *marks(1, 0, picture=BAD), *(mark for of in of_tasks for mark in of)]
    )
    assert result.average == pytest.approx((100 + 50 + 100 / 3 + 25 + 20 + 100 / 6 + 100 / 7) / 7)


def test_data_sets_weigh_the_same_however_large() -> None:
    small = marks(1, 0, data_set=DataSet.VISA, task=Task.OBJECT_ANALYSIS)
    large = marks(0, 99, data_set=DataSet.GOODS_AD, task=Task.OBJECT_ANALYSIS)
    result = score_table(small + large, Scoring.READABLE)
    assert list(result) == ["VisA", "GoodsAD", AVERAGE]
    assert result[AVERAGE].object_analysis == pytest.approx(50.0)


def test_unreadable_answers_are_left_out_or_wrong() -> None:
    answers = marks(2, 1, 3, task=Task.DEFECT_ANALYSIS)
    assert score_table(answers, Scoring.READABLE)["VisA"].defect_analysis == pytest.approx(200 / 3)
    assert score_table(answers, Scoring.STRICT)["VisA"].defect_analysis == pytest.approx(200 / 6)


def test_an_unreadable_answer_about_a_good_part_is_a_strict_false_alarm() -> None:
    answers = marks(1, 0, 1, picture=GOOD) + marks(1, 0, picture=BAD)
    assert score_table(answers, Scoring.READABLE)["VisA"].precision == pytest.approx(100.0)
    assert score_table(answers, Scoring.STRICT)["VisA"].precision == pytest.approx(50.0)


def test_unasked_tasks_have_no_figure() -> None:
    result = score_table(marks(1, 0, picture=BAD), Scoring.STRICT)["VisA"]
    assert result.anomaly_detection is None
    assert result.defect_analysis is None
    assert result.average is None
    assert result.recall == 100.0
    assert score_table([], Scoring.STRICT) == {}


def test_a_data_set_without_a_readable_answer_keeps_its_row() -> None:
    assert set(score_table(marks(0, 0, 4), Scoring.READABLE)["VisA"]) == {None}


@given(marked(), st.sampled_from(Scoring))
def test_figures_are_percentages(given_marks: list[AnsweredItem], scoring: Scoring) -> None:
    for result in score_table(given_marks, scoring).values():
        assert all(value is None or -1e-9 <= value <= 100.0 + 1e-9 for value in result)


@given(marked())
def test_strict_accuracy_is_never_above_that_of_the_readable(given_marks: list[AnsweredItem]) -> None:
    lenient_table, strict = score_table(given_marks, Scoring.READABLE), score_table(given_marks, Scoring.STRICT)
    for name in lenient_table.keys() - {AVERAGE}:
        for task in set(Task) - {Task.ANOMALY_DETECTION}:
            lenient, hard = getattr(lenient_table[name], task), getattr(strict[name], task)
            assert lenient is None or hard <= lenient + 1e-9


@given(marked())
def test_both_scorings_agree_when_everything_can_be_read(given_marks: list[AnsweredItem]) -> None:
    readable = [each for each in given_marks if each.letter is not None]
    assert score_table(readable, Scoring.READABLE) == score_table(readable, Scoring.STRICT)


def by_the_official_code(answered: list[AnsweredItem]) -> dict[str, dict[str, float]]:
    """What the benchmark's scorer does, step by step: it removes from the list that it is walking along."""
    types = list(dict.fromkeys(each.item.task for each in answered))
    names = list(dict.fromkeys(each.item.data_set.value for each in answered))
    counts = {(name, task, normal): [0, 0] for name in names for task in types for normal in (True, False)}
    left = [{"item": each.item, "said": each.official, "number": number} for number, each in enumerate(answered)]
    for entry in left:
        if entry["said"] not in [*"ABCDE"]:
            left.remove(entry)
            continue
        item = entry["item"]
        assert isinstance(item, Item)
        count = counts[item.data_set.value, item.task, item.normal]
        count[0] += 1
        count[1] += entry["said"] == item.answer
    table = {}
    for name in names:
        row = {}
        for task in types:
            kinds = [counts[name, task, normal] for normal in (True, False)]
            total, right = (sum(each) for each in zip(*kinds, strict=True))
            row[task.value] = 100.0 * right / total if total else 0.0
            if task is Task.ANOMALY_DETECTION:
                row[task.value] = sum(100.0 * right / total if total else 0.0 for total, right in kinds) / 2
        table[name] = row | {"average": sum(row.values()) / len(row)}
    columns = {column: [row[column] for row in table.values()] for column in next(iter(table.values()), {})}
    return table | {AVERAGE: {column: sum(values) / len(values) for column, values in columns.items()}}


@given(marked().filter(bool))
def test_the_official_scoring_is_that_of_the_benchmarks_code(given_marks: list[AnsweredItem]) -> None:
    table = score_table(given_marks, Scoring.OFFICIAL)
    expected = by_the_official_code(given_marks)
    assert table.keys() == expected.keys()
    for name, row in expected.items():
        columns = {column: value for column, value in table[name]._asdict().items() if column in row}
        assert columns == pytest.approx(row, abs=1e-6)
        unasked = set(Task) - {each.item.task for each in given_marks}
        assert all(getattr(table[name], task) is None for task in unasked)


def test_the_official_code_skips_the_answer_behind_an_unparsable_one() -> None:
    right, wrong, unread = (marks(*each, task=Task.DEFECT_ANALYSIS) for each in ((1, 0), (0, 1), (0, 0, 1)))
    skipped = score_table([*right, *unread, *wrong], Scoring.OFFICIAL)["VisA"]
    counted = score_table([*right, *unread, *right, *wrong], Scoring.OFFICIAL)["VisA"]
    assert (skipped.defect_analysis, counted.defect_analysis) == (100.0, 50.0)


@pytest.mark.parametrize(
    ("table", "printed", "slips"),
    [
        (
            1,
            "65.35914 51.48674 58.84028 62.00281 75.98289 90.69233 81.64028 69.51492 66.41952 76.89748 69.63872",
            {"defect_description": 62.603},
        ),
        (2, "70.02857 58.74762 56.68815 67.16761 79.32435 92.02859 82.64384 72.37568 69.00429 78.42683 73.2657", {}),
        (
            3,
            "70.98807 58.57845 56.6852 67.30313 79.31706 91.72571 82.49976 72.34248 69.00382 78.4918 73.29002",
            {"anomaly_detection": 70.088, "object_analysis": 82.700, "f1": 73.265},
        ),
    ],
)
def test_published_rows_average_to_the_printed_figures_except_for_slips(
    table: int, printed: str, slips: dict[str, float]
) -> None:
    (published,) = (each for each in PUBLISHED if each.table == table)
    expected = dict(zip(ScoreRow._fields, map(float, printed.split()), strict=True)) | slips
    assert published.rows[AVERAGE]._asdict() == pytest.approx(expected, abs=0.003)


def test_published_averages_are_those_of_their_tasks() -> None:
    for published in PUBLISHED:
        assert list(published.rows) == [*DataSet, AVERAGE]
        for result in published.rows.values():
            tasks = [value for value in result[: len(Task)] if value is not None]
            assert result.average == pytest.approx(sum(tasks) / len(Task), abs=0.002)
