"""Folders of declarations, and the difference between two versions of a pipeline."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from support.declarations import a_pipeline, pipelines

from inspector.config.diff import SettingChange, diff, read_declarations
from inspector.domain.pipeline import Pipeline
from inspector.errors import DeclarationError


def text_of(**settings: object) -> str:
    return str(yaml.safe_dump(a_pipeline(**settings).model_dump(mode="json"), sort_keys=False))


def test_a_folder_is_read_in_its_order() -> None:
    fleet = read_declarations({"b.yaml": text_of(line="b"), "a.yaml": text_of(line="a")})
    assert [(declared.file, declared.pipeline.line) for declared in fleet] == [("b.yaml", "b"), ("a.yaml", "a")]


def test_an_empty_folder_is_an_empty_fleet() -> None:
    assert read_declarations({}) == ()


def test_two_files_with_one_line_are_refused_by_both_names() -> None:
    with pytest.raises(DeclarationError) as caught:
        read_declarations({"a.yaml": text_of(), "b.yaml": text_of(deadline_ms=99), "c.yaml": text_of(line="c")})
    (fault,) = caught.value.faults
    assert (fault.file, fault.field) == ("b.yaml", "line")
    assert "a.yaml" in fault.problem


def test_faults_of_all_files_come_together() -> None:
    with pytest.raises(DeclarationError) as caught:
        read_declarations({"a.yaml": "speed: 1", "b.yaml": text_of(), "c.yaml": "x: [", "d.yaml": text_of()})
    assert {fault.file for fault in caught.value.faults} == {"a.yaml", "c.yaml", "d.yaml"}


@pytest.mark.parametrize(
    ("settings", "change"),
    [
        ({"deadline_ms": 99}, SettingChange("deadline_ms", 1500.0, 99.0, False)),
        ({"thresholds": {"pass_below": 0.1}}, SettingChange("thresholds.pass_below", 0.2, 0.1, False)),
        ({"quality": {"luminance": [0.1, 0.9]}}, SettingChange("quality.luminance", [0.02, 0.98], [0.1, 0.9], False)),
        ({"cameras": ["cam1"]}, SettingChange("cameras", ["*"], ["cam1"], False)),
        ({"defects": {"short": "minor", "missing_hole": "major"}},
         SettingChange("defects.short", "critical", "minor", False)),
        ({"defects": {"missing_hole": "major", "short": "critical"}},
         SettingChange("defects", ["short", "missing_hole"], ["missing_hole", "short"], True)),
        ({"question": "Is it bad?"},
         SettingChange("question", "Is there any defect on this circuit board?", "Is it bad?", True)),
        ({"ladder": [{"views": ["direct"]}, {"views": ["paraphrase", "checklist"], "samples": 3}]},
         SettingChange("ladder[1].samples", 2, 3, True)),
        ({"checklist": ["Is it bad?"]}, SettingChange("checklist", [], ["Is it bad?"], True)),
        ({"golden_samples": ["a.png"]}, SettingChange("golden_samples", [], ["a.png"], False)),
        ({"settle": {"weight_by": "p_true"}}, SettingChange("settle.weight_by", "margin", "p_true", True)),
        ({"settle": {"prior": 0.1}}, SettingChange("settle.prior", 0.5, 0.1, True)),
        ({"settle": {"shadow": 0.1}}, SettingChange("settle.shadow", 0.01, 0.1, False)),
    ],
)  # fmt: skip
def test_a_change_names_old_value_new_value_and_whether_scores_change(
    settings: dict[str, Any], change: SettingChange
) -> None:
    assert diff(a_pipeline(), a_pipeline(**settings)) == [change]


def test_a_rung_that_goes_becomes_absent() -> None:
    changes = diff(a_pipeline(), a_pipeline(ladder=[{"views": ["direct"]}]))
    assert {change.field for change in changes} == {
        f"ladder[1].{setting}" for setting in ("views", "samples", "reasoning", "temperature")
    }
    assert all(change.new is None and change.rescores for change in changes)


@given(pipelines(), pipelines())
def test_scores_change_exactly_when_the_score_key_does(old: Pipeline, new: Pipeline) -> None:
    changes = diff(old, new)
    assert any(change.rescores for change in changes) == (old.settings_fingerprint() != new.settings_fingerprint())
    assert bool(changes) == (old != new or list(old.defects) != list(new.defects))


@given(pipelines(), pipelines())
def test_the_way_back_is_the_same_changes_turned_round(old: Pipeline, new: Pipeline) -> None:
    back = {
        SettingChange(field, after, before, rescores)
        for field, before, after, rescores in map(_hashable, diff(new, old))
    }
    assert {_hashable(change) for change in diff(old, new)} == back


def _hashable(change: SettingChange) -> SettingChange:
    return change._replace(old=repr(change.old), new=repr(change.new))


def test_a_region_changes_the_scores_of_its_camera_alone() -> None:
    old = a_pipeline(cameras=["cam1"])
    new = a_pipeline(cameras={"cam1": {"region": [0, 0, 1, 0.5]}, "cam2": {}})
    assert diff(old, new) == [
        SettingChange("cameras", ["cam1"], ["cam1", "cam2"], False),
        SettingChange("cameras.cam1.region", None, [0.0, 0.0, 1.0, 0.5], False),
    ]
    assert [change.rescored_camera for change in diff(old, new)] == [None, "cam1"]
    assert diff(new, a_pipeline(cameras={"cam2": {}, "cam1": {"region": [0, 0, 1, 0.5]}})) == []
