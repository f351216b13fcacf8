"""The report of an evaluation: a document and Markdown, in the seed paper's columns."""

from __future__ import annotations

import json

import pytest
from support.mmad_parts import an_item, drafts

from inspector.lab.evaluation.mmad.items import Task
from inspector.lab.evaluation.mmad.letter_strategy import letter_strategy
from inspector.lab.evaluation.mmad.report import COLUMNS, NOTE, StrategyResult, as_markdown, document, titled_tables
from inspector.lab.evaluation.mmad.scores import AnsweredItem, ScoreRow

ABOUT = {"shots": 1}


def a_result(name: str = "majority-3") -> StrategyResult:
    item = an_item(task=Task.DEFECT_ANALYSIS)
    votes = [vote.model_copy(update={"tokens": 10, "ms": 4.0, "trust_ms": 2.0}) for vote in drafts("B", "B", "A")]
    answered = AnsweredItem(item, "B", "B"), AnsweredItem(item, None, None)
    return StrategyResult(letter_strategy(name), answered, (*votes, *votes))


def test_the_document_holds_all_scorings_and_the_published_rows() -> None:
    output = document(ABOUT, [a_result()])
    ours = output["strategies"]["majority-3"]
    assert ours["official"]["VisA"]["defect_analysis"] == 100.0
    assert ours["readable"]["VisA"]["defect_analysis"] == 100.0
    assert ours["strict"]["VisA"]["defect_analysis"] == 50.0
    assert ours["strict"]["Average"]["defect_classification"] is None
    assert ours["unparsable"] == 1
    assert [each["table"] for each in output["published"]] == [1, 2, 3]
    assert output["published"][2]["official"]["Average"]["anomaly_detection"] == pytest.approx(70.088)
    assert output["shots"] == 1
    json.dumps(output, allow_nan=False)


def test_costs_are_means_over_questions() -> None:
    costs = a_result().as_json()
    assert (costs["votes_mean"], costs["tokens_mean"], costs["ms_mean"]) == (3.0, 30.0, 12.0)


def test_asking_for_trust_costs_the_strategy_that_wants_it() -> None:
    assert a_result("weighted-3").as_json()["ms_mean"] == 18.0


def test_the_columns_are_the_papers() -> None:
    assert tuple(COLUMNS) == ScoreRow._fields


def test_the_page_holds_every_table_and_the_note() -> None:
    output = as_markdown("tiny on MMAD", [a_result()])
    assert output.startswith("# tiny on MMAD\n")
    for title, rows in titled_tables([a_result()]):
        assert f"## {title}\n" in output
        assert all(f"| {name} |" in output for name in rows)
    assert "| VisA | - | - | - | - | 50.0 | - | - | 50.0 | - | - | - |" in output
    assert "majority-3, strict: 1 unparsable, 3.0 votes, 30 tokens, 12 ms a question" in output
    assert output.endswith(f"{NOTE}\n")
    assert "70.988" in output
