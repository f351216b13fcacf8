"""Every declaration of this repository reads without a fault, and its file is named after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.paths import ROOT

from inspector.config.diff import read_declarations
from inspector.config.loader import read_card, read_pipeline
from inspector.config.yaml_reader import to_yaml
from inspector.domain.declared import Reasoning, ViewName

REPOSITORY = ROOT
PIPELINES = sorted((REPOSITORY / "pipelines").glob("*.yaml"))
CARDS = sorted((REPOSITORY / "models").glob("*.yaml"))
TOKEN_PX = 32 * 32  # Qwen3-VL: patches of 16 px, merged two by two


def named(path: Path) -> str:
    return path.stem


def test_there_are_examples_of_real_lines_and_the_models_they_run_on() -> None:
    assert {"pcb", "casting", "solar", "magtile"} <= {path.stem for path in PIPELINES}
    assert {f"qwen3-vl-{size}-instruct" for size in ("2b", "4b", "8b")} <= {path.stem for path in CARDS}


@pytest.mark.parametrize("path", PIPELINES, ids=named)
def test_a_pipeline_reads_and_is_named_after_its_line(path: Path) -> None:
    assert read_pipeline(path.read_bytes(), path.name).line == path.stem


@pytest.mark.parametrize("path", CARDS, ids=named)
def test_a_model_card_reads_and_is_named_after_its_model(path: Path) -> None:
    assert read_card(path.read_bytes(), path.name).name == path.stem


def test_the_folder_is_one_fleet() -> None:
    fleet = read_declarations({path.name: path.read_bytes() for path in PIPELINES})
    assert len(fleet) == len(PIPELINES)


@pytest.mark.parametrize("path", PIPELINES, ids=named)
def test_a_pipeline_can_be_written_out_in_full_and_read_again(path: Path) -> None:
    pipeline = read_pipeline(path.read_bytes(), path.name)
    assert read_pipeline(to_yaml(pipeline.model_dump(mode="json")), path.name) == pipeline


@pytest.mark.parametrize("path", PIPELINES, ids=named)
def test_a_pipeline_asks_the_cheapest_question_first(path: Path) -> None:
    first = read_pipeline(path.read_bytes(), path.name).ladder[0]
    assert (first.views, first.reasoning) == ((ViewName.DIRECT,), Reasoning.NONE)


@pytest.mark.parametrize("path", PIPELINES, ids=named)
def test_golden_samples_are_in_the_repository(path: Path) -> None:
    for sample in read_pipeline(path.read_bytes(), path.name).golden_samples:
        assert (path.parent / sample).is_file(), sample


@pytest.mark.parametrize("path", [path for path in CARDS if path.stem.startswith("qwen3")], ids=named)
def test_budgets_of_qwen_are_whole_tokens(path: Path) -> None:
    card = read_card(path.read_bytes(), path.name)
    for budget in (card.pixels, card.zoom_pixels or card.pixels):
        assert budget.min % TOKEN_PX == 0
        assert budget.max % TOKEN_PX == 0
        assert budget.max // TOKEN_PX <= 2048
    assert card.num_gpus > 0 or card.server is not None
