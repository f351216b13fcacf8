"""Settings that can never have an effect are found; settings with an effect are not."""

from __future__ import annotations

from typing import Any

import pytest
from support.declarations import a_pipeline

from inspector.config.lint import unused_settings

GOLDEN: dict[str, Any] = {"golden_samples": ["good.png"]}
ZOOMS: dict[str, Any] = {"ladder": [{"views": ["direct", "zoom"]}]}


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"ladder": [{"views": ["direct"]}], "paraphrases": ["Is it bad?"]}, ("paraphrases",)),
        ({"ladder": [{"views": ["direct"]}], "checklist": ["Is it bad?"]}, ("checklist",)),
        ({"ladder": [{"views": ["direct"], "temperature": 0.3}]}, ("ladder", 0, "temperature")),
        ({"ladder": [{"views": ["direct"], "samples": 2}]}, ("ladder", 0, "samples")),
        ({"ladder": [{"views": ["checklist"], "samples": 2}]}, ("ladder", 0, "samples")),
        ({"ladder": [{"views": ["inverted"], "samples": 3}]}, ("ladder", 0, "samples")),
        ({"ladder": [{"views": ["paraphrase"], "samples": 9}]}, ("ladder", 0, "samples")),
        ({"settle": {"max_votes": 1}}, ("ladder", 1)),
        ({"settle": {"weight_temperature": 5.0}}, ("settle", "weight_temperature")),
        ({"count": "majority", "settle": {"weight_temperature": 5.0}}, ("settle", "weight_temperature")),
        ({"ladder": [{"views": ["checklist"], "reasoning": "cot"}]}, ("ladder", 0, "reasoning")),
        ({"ladder": [{"views": ["direct"], "max_tokens": 64}]}, ("ladder", 0, "max_tokens")),
        ({"ladder": [{"views": ["direct"], "reasoning": "draft", "min_tokens": 8}]}, ("ladder", 0, "min_tokens")),
        ({"ladder": [{"views": ["direct"], "reasoning": "cot", "min_tokens": 8}]}, ("ladder", 0, "min_tokens")),
        ({"settle": {"weight_by": "p_true"}}, ("settle", "weight_by")),
        ({"count": "majority", "settle": {"weight_by": "p_true"}}, ("settle", "weight_by")),
        (
            {"ladder": [{"views": ["checklist"]}], "count": "weighted", "settle": {"weight_by": "p_true"}},
            ("settle", "weight_by"),
        ),
        ({"retention": {"pass_pictures": 1.0, "after_hours": 48}}, ("retention", "after_hours")),
        ({**GOLDEN, "second_opinion": {"by": "patches", "points": True}}, ("second_opinion", "points")),
        ({**GOLDEN, "second_opinion": {"by": "patches", "doubt_above": 1.0}}, ("second_opinion", "doubt_above")),
    ],
)
def test_a_setting_without_effect_is_found(settings: dict[str, Any], place: tuple[str | int, ...]) -> None:
    (found,) = unused_settings(a_pipeline(**settings))
    assert found.path == place
    assert found.problem
    assert found.remedy


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"paraphrases": ["Is it bad?", "Is it good no more?"], "checklist": ["Is it bad?"]},
        {"ladder": [{"views": ["direct"], "samples": 4, "reasoning": "draft", "temperature": 0.3}]},
        {"ladder": [{"views": ["direct"], "temperature": 0.8}]},
        {"ladder": [{"views": ["direct", "inverted"], "samples": 2}]},
        {"ladder": [{"views": ["zoom"]}, {"views": ["direct"]}], "settle": {"max_votes": 1}},
        {
            "ladder": [{"views": ["direct", "inverted"]}, {"views": ["separate"]}, {"views": ["refute"]}],
            "settle": {"max_votes": 3},
        },
        {"count": "weighted", "settle": {"weight_temperature": 5.0}},
        {"count": "weighted", "settle": {"weight_by": "p_true"}},
        {"ladder": [{"views": ["direct"], "reasoning": "draft", "max_tokens": 40}]},
        {"ladder": [{"views": ["direct"], "reasoning": "cot", "max_tokens": 64, "samples": 3}]},
        {"ladder": [{"views": ["direct"], "reasoning": "budget", "min_tokens": 16, "max_tokens": 64}]},
        {"golden_samples": ["shown-in-the-console.png"]},
        {"retention": {"pass_pictures": 1.0}},
        {**GOLDEN, "second_opinion": {"by": "patches"}},
        {**GOLDEN, **ZOOMS, "second_opinion": {"by": "patches", "points": True, "doubt_above": 1.0}},
        {"retention": {"pass_pictures": 0.5, "after_hours": 48}},
    ],
)
def test_a_setting_with_effect_is_left_alone(settings: dict[str, Any]) -> None:
    assert unused_settings(a_pipeline(**settings)) == []
