"""Settings that could never have an effect are found; those that have one are not."""

from __future__ import annotations

from typing import Any

import pytest
from declarations import a_pipeline

from inspector.idle import idle_settings

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
        ({"retention": {"pass_pictures": 1.0, "after_hours": 48}}, ("retention", "after_hours")),
        ({**GOLDEN, "second_opinion": {"by": "patches", "points": True}}, ("second_opinion", "points")),
        ({**GOLDEN, "second_opinion": {"by": "patches", "doubt_above": 1.0}}, ("second_opinion", "doubt_above")),
    ],
)
def test_a_setting_without_effect_is_found(settings: dict[str, Any], place: tuple[str | int, ...]) -> None:
    (found,) = idle_settings(a_pipeline(**settings))
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
        {"count": "weighted", "settle": {"weight_temperature": 5.0}},
        {"golden_samples": ["shown-in-the-console.png"]},
        {"retention": {"pass_pictures": 1.0}},
        {**GOLDEN, "second_opinion": {"by": "patches"}},
        {**GOLDEN, **ZOOMS, "second_opinion": {"by": "patches", "points": True, "doubt_above": 1.0}},
        {"retention": {"pass_pictures": 0.5, "after_hours": 48}},
    ],
)
def test_a_setting_with_effect_is_left_alone(settings: dict[str, Any]) -> None:
    assert idle_settings(a_pipeline(**settings)) == []
