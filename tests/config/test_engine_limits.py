"""Lines that a card's engine can't serve are named by setting, before a part is."""

from __future__ import annotations

from typing import Any

import pytest
from support.declarations import a_pipeline

from inspector.config.engine_limits import unserved_settings
from inspector.domain.model_card import ModelCard

GOLDEN = {"golden_samples": ["good.png"]}
BUDGET = {"ladder": [{"views": ["direct"]}, {"views": ["direct"], "reasoning": "budget"}]}


def card(**server: Any) -> ModelCard:
    declared = {"name": "lamps", "checkpoint": "tiny", "pixels": {"min": 4096, "max": 65536}}
    served = {"engine": "openai", "server": {"base_url": "http://gpu:8000/v1", **server}} if server else {}
    return ModelCard.model_validate(declared | served)


@pytest.mark.parametrize(
    ("settings", "server", "fields"),
    [
        ({}, {"retries": 1}, []),
        ({"second_opinion": {"by": "patches"}, **GOLDEN}, {"retries": 1}, ["second_opinion"]),
        ({"quality": {"max_unlike": 2.0}, **GOLDEN}, {"retries": 1}, ["quality.max_unlike"]),
        (BUDGET, {"answers_begin": "schema"}, ["ladder[1].reasoning"]),
        (BUDGET, {"answers_begin": "prefill"}, []),
        ({"second_opinion": {"by": "patches"}, **GOLDEN, **BUDGET}, {}, []),
    ],
    ids=["plain", "opinion", "unlike", "budget", "budget with prefill", "in this process"],
)
def test_settings_that_the_engine_can_not_serve_are_named(
    settings: dict[str, Any], server: dict[str, Any], fields: list[str]
) -> None:
    found = unserved_settings(a_pipeline(**settings), card(**server))
    assert [each.field for each in found] == fields
    assert all(each.problem and each.remedy and "lamps" in each.problem for each in found)
