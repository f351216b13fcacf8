"""The grammar of a pipeline: the declarations it refuses, and the settings that its fingerprint covers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError
from support.declarations import a_pipeline, pipelines

from inspector.domain.declared import Reasoning, Severity, ViewName
from inspector.domain.pipeline import REASONING_TOKENS, Pipeline, Rung, TokenLimits, line_fingerprint


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"line": "two words"}, "a line is a topic level"),
        ({"line": "a/b"}, "a line is one topic level"),
        ({"line": "x" * 65}, "names end at 64 characters"),
        ({"speed": 3}, "unknown settings would have no effect"),
        ({"defects": {}}, "a line without defects has nothing to find"),
        ({"defects": {"Short": "minor", "short": "minor"}}, "answers are read without capitals"),
        ({"defects": {"short": "fatal"}}, "severities are a closed set"),
        ({"question": "  ?  "}, "a question needs words"),
        ({"question": "Is <|image_pad|> bad?"}, "control tokens would be read as pictures"),
        ({"paraphrases": ["Is it bad?", "Is  it bad?"]}, "the same question twice would count as two votes"),
        ({"cameras": ["cam1", "cam1"]}, "a camera twice is a slip"),
        ({"ladder": []}, "no rung, no votes"),
        ({"ladder": [{"views": []}]}, "no view, no votes"),
        ({"ladder": [{"views": ["direct", "direct"]}]}, "samples say how often"),
        ({"ladder": [{"views": ["direct"], "samples": 17}]}, "samples are bounded"),
        ({"ladder": [{"views": ["compare"]}]}, "comparing needs a golden sample"),
        ({"references": 1}, "references need golden samples"),
        ({"references": 2, "golden_samples": ["a.png"]}, "two references need two golden samples"),
        ({"golden_samples": ["a.png", "a.png"]}, "the same golden sample twice shows nothing new"),
        ({"thresholds": {"pass_below": 0.9, "reject_above": 0.1}}, "the band between must not be negative"),
        ({"thresholds": {"pass_below": 0.81}}, "the default of the other threshold counts too"),
        ({"quality": {"luminance": [0.9, 0.1]}}, "darkest comes first"),
        ({"quality": {"min_sharpness": float("inf")}}, "an endless bound judges nothing"),
        ({"settle": {"confidence": 0.5}}, "a coin is no confidence"),
        ({"settle": {"prior": 0.0}}, "a defect that can't be is not looked for"),
        ({"learned": {"fingerprint": "old"}}, "what was learned holds for one fingerprint"),
        ({"ladder": [{"views": ["direct"], "reasoning": "cot", "max_tokens": 0}]}, "no thought fits into nothing"),
        ({"ladder": [{"views": ["direct"], "reasoning": "budget", "min_tokens": 300}]}, "it would be cut before"),
        (
            {"ladder": [{"views": ["direct"], "reasoning": "budget", "min_tokens": 64, "max_tokens": 48}]},
            "a thought can't be longer than its cap",
        ),
        ({"settle": {"weight_by": "feeling"}}, "weights come from what can be read"),
        ({"deadline_ms": 0}, "nothing can be judged in no time"),
        ({"fail_safe": "PASS"}, "doubt never passes"),
    ],
)
def test_grammar_refuses(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError):
        a_pipeline(**settings)
    assert why


def test_texts_become_one_line() -> None:
    assert a_pipeline(question="  Is there\n  a defect? ").question == "Is there a defect?"


@given(pipelines())
def test_a_pipeline_survives_being_stored(pipeline: Pipeline) -> None:
    assert Pipeline.model_validate_json(pipeline.model_dump_json()) == pipeline


@pytest.mark.parametrize(
    "settings",
    [
        {"question": "Is anything wrong with this circuit board?"},
        {"product": "board"},
        {"defects": {"missing_hole": "major", "short": "critical"}},
        {"defects": {"short": "critical"}},
        {"paraphrases": ["Is it broken?"]},
        {"checklist": ["Is it broken?"]},
        {"ladder": [{"views": ["direct"]}]},
        {"count": "majority"},
        {"settle": {"prior": 0.02}},
        {"settle": {"weight_temperature": 4.0}},
        {"picture": {"bit_depth": 12}},
        {"references": 1, "golden_samples": ["a.png"]},
        {"second_opinion": {"by": "patches"}, "golden_samples": ["a.png"]},
    ],
)
def test_score_key_changes_with_what_changes_a_score(settings: dict[str, Any]) -> None:
    assert a_pipeline(**settings).settings_fingerprint() != a_pipeline().settings_fingerprint()


@pytest.mark.parametrize(
    "settings",
    [
        {"line": "other"},
        {"defects": {"short": "minor", "missing_hole": "minor"}},
        {"cameras": ["cam1"]},
        {"thresholds": {"pass_below": 0.01}},
        {"deadline_ms": 99},
        {"fail_safe": "REJECT"},
        {"quality": {"min_sharpness": 5}},
        {"settle": {"max_votes": 3}},
        {"settle": {"prior": 0.5}},
        {"learned": {"fingerprint": "0123456789abcdef"}},
        {"golden_samples": ["moved/good.png"]},
    ],
)
def test_score_key_stays_with_what_only_decides(settings: dict[str, Any]) -> None:
    assert a_pipeline(**settings).settings_fingerprint() == a_pipeline().settings_fingerprint()


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({}, "ae97748383c371d5"),
        (
            {
                "ladder": [
                    {"views": ["direct"]},
                    {"views": ["inverted", "zoom"], "samples": 2, "reasoning": "draft", "temperature": 0.6},
                ],
                "count": "weighted",
                "settle": {"weight_temperature": 4.0, "prior": 0.1},
                "golden_samples": ["good.png"],
                "second_opinion": {"by": "patches", "points": True},
            },
            "48829f590221071d",
        ),
    ],
)
def test_lines_stay_qualified_when_there_is_a_new_setting_that_they_leave_out(
    settings: dict[str, Any], key: str
) -> None:
    """The keys are those of the version in which unread probability began to count as doubt."""
    assert a_pipeline(**settings).settings_fingerprint() == key


def test_every_way_to_think_and_to_weigh_has_a_score_key_of_its_own() -> None:
    ways: list[dict[str, Any]] = [
        {"reasoning": "draft"},
        {"reasoning": "draft", "max_tokens": 40},
        {"reasoning": "cot"},
        {"reasoning": "cot", "max_tokens": 64},
        {"reasoning": "budget"},
        {"reasoning": "budget", "min_tokens": 32},
        {"reasoning": "budget", "min_tokens": 32, "max_tokens": 64},
    ]
    weights: list[dict[str, Any]] = [{}, {"settle": {"weight_by": "p_true"}}]
    keys = {
        a_pipeline(ladder=[{"views": ["direct"], **way}], count="weighted", **each).settings_fingerprint()
        for way in ways
        for each in weights
    }
    assert len(keys) == len(ways) * len(weights)


def test_p_true_changes_no_score_where_nothing_is_weighed() -> None:
    assert a_pipeline(settle={"weight_by": "p_true"}).settings_fingerprint() == a_pipeline().settings_fingerprint()


@pytest.mark.parametrize(
    ("settings", "limits"),
    [
        ({"reasoning": "none"}, TokenLimits(0, 0)),
        ({"reasoning": "draft"}, TokenLimits(0, 24)),
        ({"reasoning": "cot"}, TokenLimits(0, 256)),
        ({"reasoning": "cot", "max_tokens": 64}, TokenLimits(0, 64)),
        ({"reasoning": "budget"}, TokenLimits(128, 256)),
        ({"reasoning": "budget", "max_tokens": 64}, TokenLimits(32, 64)),
        ({"reasoning": "budget", "min_tokens": 64, "max_tokens": 64}, TokenLimits(64, 64)),
    ],
)
def test_limits_of_a_thought_are_its_own_or_those_of_its_kind(settings: dict[str, Any], limits: TokenLimits) -> None:
    assert Rung(views=(ViewName.DIRECT,), **settings).limits == limits


def test_every_kind_of_reasoning_has_limits_that_can_be_kept() -> None:
    assert set(REASONING_TOKENS) == set(Reasoning)
    assert all(least <= most for least, most in REASONING_TOKENS.values())


def test_fingerprint_changes_with_every_part_of_it() -> None:
    marks = {
        line_fingerprint("a", "b"),
        line_fingerprint("b", "b"),
        line_fingerprint("a", "c"),
        line_fingerprint("a", "b", ("g1",)),
        line_fingerprint("a", "b", ("g1", "g2")),
        line_fingerprint("a", "b", ("g2", "g1")),
    }
    assert len(marks) == 6
    assert all(len(mark) == 16 and int(mark, 16) >= 0 for mark in marks)


def test_severity_of_a_class_is_declared_not_guessed() -> None:
    assert a_pipeline().defects["short"] is Severity.CRITICAL


def test_region_is_part_of_what_is_scored_for_its_camera_alone() -> None:
    plain = a_pipeline(cameras=["cam1", "cam2"])
    cut = a_pipeline(cameras={"cam1": {"region": [0, 0, 0.5, 1]}, "cam2": {}})
    assert cut.settings_fingerprint("cam1") != plain.settings_fingerprint("cam1")
    assert cut.settings_fingerprint("cam2") == plain.settings_fingerprint("cam2") == plain.settings_fingerprint()
    again = a_pipeline(cameras={"cam2": {"region": [0, 0, 0.5, 1]}})
    assert again.settings_fingerprint("cam2") == cut.settings_fingerprint("cam1"), "a camera's name changes no score"


@pytest.mark.parametrize(
    "ladder",
    [
        [{"views": ["separate"]}],
        [{"views": ["direct"]}, {"views": ["separate"]}],
        [{"views": ["separate", "direct"]}, {"views": ["paraphrase"], "samples": 4}],
    ],
)
def test_separate_needs_votes_before_it_that_can_disagree(ladder: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError, match="put it after rungs with two views or samples"):
        a_pipeline(ladder=ladder)


def test_separate_is_part_of_what_is_scored() -> None:
    votes = {"views": ["direct", "inverted"]}
    plain, separating = a_pipeline(ladder=[votes]), a_pipeline(ladder=[votes, {"views": ["separate"]}])
    assert separating.separates
    assert plain.settings_fingerprint() != separating.settings_fingerprint()
