"""From a file's text to its model, or to all its faults in an author's words."""

from __future__ import annotations

import pickle

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.declarations import a_pipeline, pipelines

from inspector.config.lint import unused_settings
from inspector.config.loader import read_card, read_pipeline
from inspector.config.yaml_reader import to_yaml
from inspector.domain.model_card import ModelCard
from inspector.domain.pipeline import Pipeline
from inspector.errors import DeclarationError, Fault

GOOD = """\
line: pcb
cameras: ["*"]
product: circuit board
question: Is there any defect on this circuit board?
defects: {short: critical, missing_hole: major}
ladder:
  - {views: [direct]}
  - {views: [paraphrase, checklist], samples: 2}
"""
CARD = "name: small\ncheckpoint: models/small\npixels: {min: 4096, max: 65536}\n"


def faults_of(text: str) -> list[Fault]:
    with pytest.raises(DeclarationError) as caught:
        read_pipeline(text, "pcb.yaml")
    return list(caught.value.faults)


def test_a_good_file_is_its_pipeline() -> None:
    assert read_pipeline(GOOD, "pcb.yaml") == a_pipeline()
    assert read_pipeline(GOOD.encode(), "pcb.yaml") == a_pipeline()


def test_a_good_card_is_its_model_card() -> None:
    assert read_card(CARD, "small.yaml").pixels.max == 65536


@pytest.mark.parametrize(
    ("addition", "field", "problem", "remedy"),
    [
        ("produkt: x", "produkt", "is not a setting", "did you mean 'product'?"),
        ("zzz: 1", "zzz", "is not a setting", "settings here are line, product,"),
        ("quality: {min_sharpnes: 5}", "quality.min_sharpnes", "is not a setting", "'min_sharpness'"),
        ("quality: 5", "quality", "5 is not a mapping", "'setting: value'"),
        ("deadline_ms: soon", "deadline_ms", '"soon" is not a number', "without quotes"),
        ("deadline_ms: '1500'", "deadline_ms", '"1500" is not a number', "without quotes"),
        ("deadline_ms: true", "deadline_ms", "true is not a number", "without quotes"),
        ("deadline_ms:", "deadline_ms", "null is not a number", "without quotes"),
        ("deadline_ms: 1e999", "deadline_ms", "not a finite number", "ordinary number"),
        ("deadline_ms: 1", "deadline_ms", "1 is too small", "use at least 50"),
        ("deadline_ms: 1000000", "deadline_ms", "is too large", "use at most 600000"),
        ("settle: {max_votes: 1.5}", "settle.max_votes", "1.5 is not a whole number", "whole number"),
        ("settle: {confidence: 1.0}", "settle.confidence", "is too large", "less than 1"),
        ("settle: {vote_correlation: lerned}", "settle.vote_correlation", '"lerned"', "did you mean 'learned'?"),
        ("settle: {vote_correlation: 2}", "settle.vote_correlation", "2 is too large", "use at most 1"),
        ("settle: {vote_correlation: {a: 1}}", "settle.vote_correlation", '{"a": 1}', "learned"),
        ("count: softly", "count", 'can\'t be "softly"', "did you mean 'soft'?"),
        ("fail_safe: PASS", "fail_safe", 'can\'t be "PASS"', "REVIEW, REJECT"),
        ("quality: {luminance: [0.1]}", "quality.luminance[1]", "is missing", "add the value"),
        ("quality: {luminance: [0.9, 0.1]}", "quality.luminance", "not below", "[darkest, brightest]"),
        ("references: 1", "golden_samples", "0 declared", "list that many pictures"),
        ("second_opinion: {by: patches}", "second_opinion", "needs golden samples to compare with", "best four"),
        ("quality: {max_unlike: 3}", "quality", "max_unlike compares with golden samples", "best four"),
        ("thresholds: {pass_below: 0.9}", "thresholds.reject_above", "below pass_below", "use at least 0.9"),
        ("product: board", "product", "is set twice (first in row 3)", "remove one"),
        ("paraphrases: [ab]", "paraphrases[0]", "is too short", "at least 3"),
        ("ladder2: [1]", "ladder2", "is not a setting", "did you mean 'ladder'?"),
    ],
)
def test_a_fault_names_field_row_problem_and_remedy(addition: str, field: str, problem: str, remedy: str) -> None:
    (fault,) = faults_of(GOOD + addition + "\n")
    assert (fault.field, fault.row) == (field, 9 if field != "golden_samples" else 1)
    assert problem in fault.problem
    assert remedy in fault.remedy
    assert str(fault).startswith(f"pcb.yaml:{fault.row}: {field}: ")


@pytest.mark.parametrize(
    ("cameras", "field", "problem", "remedy"),
    [
        ("cam1", "cameras", "is neither a list nor a mapping", "cameras: [cam1]"),
        ("", "cameras", "is neither a list nor a mapping", '["*"] for any camera'),
        ("[]", "cameras", "is empty", '["*"] for any camera'),
        ("{}", "cameras", "is empty", '["*"] for any camera'),
        ("[cam 1]", "cameras", '"cam 1" is not a name', "begin with a letter"),
        ("[cam/1]", "cameras", '"cam/1" is not a name', "begin with a letter"),
        ("[1]", "cameras", "1 is not text", "in quotes"),
        ("[a, a]", "cameras", "'a' is listed twice", "remove one"),
        ('["*", cam1]', "cameras", "'*' means any camera", "remove the other names"),
        ('{"*": {region: [0, 0, 1, 0.5]}}', "cameras", "'*' means any camera", "the region"),
        ("{cam1: }", "cameras.cam1", "null is not a mapping", "'setting: value'"),
        ("{cam1: {regoin: [0, 0, 1, 1]}}", "cameras.cam1.regoin", "is not a setting", "'region'"),
        ("{cam1: {region: [0, 0, 640, 480]}}", "cameras.cam1.region[2]", "640 is too large", "at most 1"),
        ("{cam1: {region: [0, 0, 1]}}", "cameras.cam1.region[3]", "is missing", "add the value"),
        ("{cam1: {region: [0.6, 0, 0.5, 1]}}", "cameras.cam1.region", "is empty", "[left, top, right, bottom]"),
        ("{cam1: {region: all}}", "cameras.cam1.region", '"all" is not a list', "[first, second]"),
    ],
)
def test_a_fault_of_the_cameras_names_the_remedy(cameras: str, field: str, problem: str, remedy: str) -> None:
    faults = faults_of(GOOD.replace('cameras: ["*"]', f"cameras: {cameras}"))
    assert field in {fault.field for fault in faults}
    (fault,) = [each for each in faults if each.field == field]
    assert fault.row == 2
    assert problem in fault.problem
    assert remedy in fault.remedy


def test_cameras_are_named_or_any_is_said() -> None:
    (fault,) = faults_of(GOOD.replace('cameras: ["*"]\n', ""))
    assert (fault.field, fault.problem) == ("cameras", "is missing")
    assert fault.remedy == 'name the line\'s cameras, such as cameras: [cam1]; ["*"] means any camera'


def test_a_list_of_cameras_is_a_mapping_without_regions() -> None:
    pipeline = read_pipeline(GOOD.replace('["*"]', "{cam1: {region: [0, 0.5, 1, 1]}, cam2: {}}"), "pcb.yaml")
    assert (pipeline.region("cam1"), pipeline.region("cam2")) == ((0.0, 0.5, 1.0, 1.0), None)
    assert (pipeline.accepts_camera("cam2"), pipeline.accepts_camera("cam3")) == (True, False)
    assert read_pipeline(GOOD.replace('["*"]', "[cam1, cam2]"), "pcb.yaml").named_cameras == ("cam1", "cam2")
    assert read_pipeline(GOOD, "pcb.yaml").accepts_camera("cam3")


@pytest.mark.parametrize("missing", ["line", "product", "question", "defects"])
def test_what_is_missing_is_named(missing: str) -> None:
    text = "".join(row for row in GOOD.splitlines(keepends=True) if not row.startswith(missing))
    (fault,) = faults_of(text)
    assert (fault.field, fault.problem, fault.remedy) == (missing, "is missing", f"add {missing}")


def test_a_rung_without_views_is_named_by_its_row() -> None:
    (fault,) = faults_of(GOOD + "  - {samples: 2}\n")
    assert (fault.field, fault.row, fault.problem) == ("ladder[2].views", 9, "is missing")


def test_all_faults_of_a_file_come_together_in_the_order_of_its_rows() -> None:
    text = """\
line: p c b
produkt: board
question: 7
defects: {short: fatal, b c: minor}
ladder: [{views: [direkt], samples: true}]
thresholds: {pass_below: 0.9}
references: 1
references: 2
"""
    fields = [fault.field for fault in faults_of(text)]
    assert fields == [
        "cameras",
        "golden_samples",
        "line",
        "product",
        "produkt",
        "question",
        "defects.b c",
        "defects.short",
        "ladder[0].samples",
        "ladder[0].views[0]",
        "thresholds.reject_above",
        "references",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("# nothing\n", "is empty"),
        ("[1, 2]", "does not contain settings"),
        ("pcb", "does not contain"),
    ],
)
def test_a_file_without_settings_says_what_to_write(text: str, problem: str) -> None:
    (fault,) = faults_of(text)
    assert problem in fault.problem
    assert "line: …" in fault.remedy


def test_idle_settings_and_doubled_keys_come_together() -> None:
    fields = {fault.field for fault in faults_of(GOOD + "settle: {max_votes: 1}\nproduct: board\n")}
    assert fields == {"ladder[1]", "product"}


def test_a_card_reports_its_faults_together() -> None:
    with pytest.raises(DeclarationError) as caught:
        read_card("name: a b\npixels: {min: 5, max: 900}\nnum_gpus: 1.5\ndtyp: float32\n", "small.yaml")
    fields = [fault.field for fault in caught.value.faults]
    assert fields == ["checkpoint", "name", "pixels.min", "num_gpus", "dtyp"]


def test_the_error_reads_as_a_list_and_travels_between_processes() -> None:
    with pytest.raises(DeclarationError) as caught:
        read_pipeline(GOOD + "speed: 1\ncolour: red\n", "pcb.yaml")
    assert str(caught.value).count("\n") == 1
    assert pickle.loads(pickle.dumps(caught.value)).faults == caught.value.faults


@given(pipelines())
def test_every_pipeline_can_be_written_and_read_again(pipeline: Pipeline) -> None:
    text = to_yaml(pipeline.model_dump(mode="json"))
    if not unused_settings(pipeline):
        assert read_pipeline(text, "pcb.yaml") == pipeline


PLACES = ["views", "samples", "min_side_px", "short", "ä", "min", "base_url", "family"]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(PLACES), inner, max_size=3),
    max_leaves=6,
)
settings = st.dictionaries(st.sampled_from([*Pipeline.model_fields, "speed"]), values)
card_settings = st.dictionaries(st.sampled_from([*ModelCard.model_fields, "speed"]), values)


@given(settings)
def test_any_settings_are_read_or_explained_and_nothing_else(given_settings: dict[str, object]) -> None:
    text = yaml.safe_dump(given_settings, sort_keys=False)
    faults: tuple[Fault, ...] = ()
    try:
        read_pipeline(text, "pcb.yaml")
    except DeclarationError as error:
        faults = error.faults
    assert all(fault.problem and fault.remedy for fault in faults)


@given(card_settings)
def test_any_card_is_read_or_explained_and_nothing_else(given_settings: dict[str, object]) -> None:
    faults: tuple[Fault, ...] = ()
    try:
        read_card(yaml.safe_dump(given_settings, sort_keys=False), "card.yaml")
    except DeclarationError as error:
        faults = error.faults
    assert all(fault.problem and fault.remedy for fault in faults)
