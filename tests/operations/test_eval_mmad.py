"""`inspector eval mmad` on a synthetic set: with the real architecture, and through the command line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support import tiny_model
from support.mmad_drawn import drawn
from typer.testing import CliRunner

from inspector.cli.app import app
from inspector.cli.eval.mmad import mmad_tables
from inspector.errors import InspectorError
from inspector.lab.evaluation.mmad.items import DataSet
from inspector.lab.evaluation.mmad.report import mmad_report
from inspector.lab.evaluation.mmad.scores import AVERAGE, ScoreRow
from inspector.lab.report_files import write_report
from inspector.operations.eval_mmad import MmadSettings, evaluate_mmad
from inspector.ports.engine import Engine

STRATEGIES = ("single", "text", "sampled-3", "majority-3", "weighted-3", "adaptive-5")
STUB = "name: stub\nengine: stub\ncheckpoint: none\npixels: {min: 4096, max: 4096}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    drawn(tmp_path / "MMAD")
    return tmp_path / "MMAD"


def screen() -> Console:
    return Console(file=io.StringIO(), width=80)


def unavailable() -> Engine:
    raise AssertionError("the model was loaded though nothing can be asked")


def typed(tmp_path: Path, *words: str) -> Any:
    (tmp_path / "stub.yaml").write_text(STUB)
    words = ("eval", "mmad", "--model", str(tmp_path / "stub.yaml"), *words)
    return CliRunner().invoke(app, words, env={"INSPECTOR_DATA": str(tmp_path / "data")})


@pytest.mark.parametrize("shots", [0, 1])
def test_every_strategy_on_the_real_architecture_and_again_without_asking(root: Path, shots: int) -> None:
    settings, votes = MmadSettings(root, shots, STRATEGIES), root / "votes.jsonl"
    result, results = evaluate_mmad(settings, tiny_model.engine, votes)
    assert (result["pictures"], result["questions"]) == (8, 40)
    assert list(result["strategies"]) == list(STRATEGIES)
    for figures in result["strategies"].values():
        assert list(figures["strict"]) == [*DataSet, AVERAGE]
        assert set(figures["official"]["VisA"]) == set(ScoreRow._fields)
        assert figures["votes_mean"] >= 1.0
    assert result["strategies"]["majority-3"]["votes_mean"] == 3.0
    assert result["strategies"]["majority-3"]["tokens_mean"] > 0.0
    assert tiny_model.engine().open_prefixes == 0

    stored = votes.read_bytes()
    again, _ = evaluate_mmad(settings, tiny_model.engine, votes)
    assert again == result
    assert votes.read_bytes() == stored

    write_report(mmad_report("tiny on MMAD", result, results), root / "out")
    assert json.loads((root / "out" / "mmad.json").read_text()) == result
    assert "Qwen3-VL-8B-Instruct, majority-3 (seed paper, table 3)" in (root / "out" / "mmad.md").read_text()


def test_the_command_prints_one_document(root: Path, tmp_path: Path) -> None:
    done = typed(tmp_path, "--root", str(root), "--strategy", "single", "--strategy", "text", "--limit", "1", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert (document["pictures"], document["shots"], list(document["strategies"])) == (8, 1, ["single", "text"])
    assert document["strategies"]["text"]["unparsable"] == document["questions"]  # the stub writes reports, no letters
    assert document["strategies"]["text"]["readable"]["VisA"]["object_analysis"] is None
    assert document["strategies"]["text"]["strict"]["VisA"]["object_analysis"] == 0.0
    assert len((tmp_path / "data" / "mmad-votes.jsonl").read_text().splitlines()) == 2 * document["questions"]


def test_the_command_prints_tables_that_fit_80_columns(root: Path, tmp_path: Path) -> None:
    done = typed(tmp_path, "--root", str(root), "--shots", "0", "--out", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    assert "majority-3, strict" in done.stdout
    assert "MVTec-LOCO" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"mmad.json", "mmad.md"}


def test_every_row_is_shown_in_the_terminal(root: Path) -> None:
    _, results = evaluate_mmad(MmadSettings(root, 1, ("single",), limit=1), tiny_model.engine, root / "v.jsonl")
    shown = screen()
    shown.print(mmad_tables(results))
    assert isinstance(shown.file, io.StringIO)
    assert shown.file.getvalue().count("MVTec-LOCO") == 3 + 3
    assert "70.988" in shown.file.getvalue()


@pytest.mark.parametrize(
    ("strategies", "folder", "problem"),
    [(("vote",), "MMAD", "no strategy 'vote'"), (("single",), "nowhere", "--root is the folder")],
)
def test_faults_are_reported_before_a_model_is_loaded(
    root: Path, strategies: tuple[str, ...], folder: str, problem: str
) -> None:
    with pytest.raises(InspectorError, match=problem):
        evaluate_mmad(MmadSettings(root.parent / folder, 1, strategies), unavailable, root / "votes.jsonl")


def test_a_strategy_named_twice_is_asked_once(root: Path) -> None:
    names = ("majority", "majority-3")
    result, _ = evaluate_mmad(MmadSettings(root, 0, names, limit=1), tiny_model.engine, root / "votes.jsonl")
    assert list(result["strategies"]) == ["majority-3"]
