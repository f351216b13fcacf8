"""Measure a checkpoint with the service's engine and judge on synthetic frames."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
from support.paths import ROOT
from typer.testing import CliRunner

from inspector.adapters import vlm
from inspector.bootstrap.from_settings import card_at
from inspector.cli.app import app
from inspector.domain.declared import Disposition
from inspector.lab.synthetic import PRODUCTS, draw, encode
from inspector.lab.training.checkpoint_evaluator import CheckpointEvaluator, held_out_frames, incomplete_caps
from inspector.lab.training.out_of_scope_pictures import OUT_OF_SCOPE_PICTURES
from inspector.operations.apply import read_pipelines

CARD = ROOT / "models" / "demo.yaml"


@pytest.fixture(scope="module")
def evaluator() -> CheckpointEvaluator:
    declared = {each.pipeline.line: each.pipeline for each in read_pipelines(ROOT / "pipelines")}
    return CheckpointEvaluator(
        vlm.load(card_at(CARD), CARD.parent, threads=1), {name: declared[name] for name in PRODUCTS}
    )


def test_held_out_frames_are_half_ng_of_all_products_and_variants() -> None:
    samples = held_out_frames(48, seed=5000)
    assert sum(sample.ng for sample in samples) == 24
    assert {sample.product for sample in samples} == set(PRODUCTS)
    assert {sample.variant for sample in samples if sample.product == "cap"} == {0, 1}


def test_incomplete_parts_all_lack_the_star() -> None:
    samples = incomplete_caps(6, seed=5000)
    assert [sample.ng for sample in samples] == [False] * 3 + [True] * 3
    assert {sample.variant for sample in samples if sample.ng} == {0}


def test_every_view_of_a_frame_is_asked(evaluator: CheckpointEvaluator) -> None:
    result = asyncio.run(evaluator.view_scores(draw("board", 11)))
    assert set(result) == {
        "paraphrase",
        "inverted",
        "options",
        "refute",
        "held-out wording",
        "checklist",
        "compare",
        "zoom",
    }
    assert all(0.0 <= p_ng <= 1.0 for p_ng in result.values())


def test_the_quality_gate_comes_before_the_judge(evaluator: CheckpointEvaluator) -> None:
    black = draw("cap", 1)
    black.pixels[:] = 0
    result = asyncio.run(evaluator.inspection_verdict("cap", encode(black)))
    assert (result.votes, result.disposition) == (0, evaluator.pipelines["cap"].fail_safe)
    assert result.disposition is not Disposition.PASS


def test_strange_pictures_come_from_their_seed() -> None:
    for maker in OUT_OF_SCOPE_PICTURES.values():
        assert np.array_equal(maker(np.random.default_rng(3)), maker(np.random.default_rng(3)))


def test_the_command_prints_every_figure_and_draws_the_limits(tmp_path: Path) -> None:
    arguments = ["eval", "synthetic", "--frames", "12", "--seed", "5000", "--out", str(tmp_path), "--json"]
    ran = CliRunner().invoke(app, arguments)
    assert ran.exit_code == 0, ran.output
    result = json.loads(ran.stdout)
    wanted = "frames balanced_accuracy balanced_accuracy_clear auroc defect_accuracy iou50 ece votes_mean"
    assert set(wanted.split()) | {"robustness", "out_of_scope"} <= set(result)
    assert result["frames"] == 12
    assert result["votes_mean"] >= 1.0
    assert set(result["out_of_scope"]) == {*OUT_OF_SCOPE_PICTURES, "another product"}
    assert (tmp_path / "limits.png").stat().st_size > 10_000
    assert "| undisturbed |" in (tmp_path / "figures.md").read_text(encoding="utf-8")
