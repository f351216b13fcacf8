"""`inspector eval folder` and `inspector eval synthetic --strategy` with the stub engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support.camera_pictures import encoded, scene
from support.paths import ROOT

from inspector.cli.tables.comparison import comparison_table
from inspector.errors import DeclarationError, InspectorError
from inspector.lab.evaluation.part_recorder import LabelledPart
from inspector.lab.evaluation.strategies import STRATEGIES
from inspector.lab.synthetic import PRODUCTS
from inspector.operations.compare_strategies import (
    ComparisonSettings,
    PartSource,
    compare_strategies,
    folder_source,
    synthetic_source,
)

CARD = "name: stub\nengine: stub\ncheckpoint: none\npixels: {min: 102400, max: 102400}\n"
LINE = """\
line: tiles
cameras: ["*"]
product: tile
question: Is there any defect on this tile?
defects: {crack: major}
ladder:
  - {views: [direct]}
  - {views: [paraphrase, checklist], samples: 2}
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def card(tmp_path: Path) -> Path:
    (tmp_path / "stub.yaml").write_text(CARD)
    return tmp_path / "stub.yaml"


@pytest.fixture
def declared(tmp_path: Path) -> Path:
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "tiles.yaml").write_text(LINE)
    return tmp_path / "lines"


@pytest.fixture
def tiles(tmp_path: Path) -> Path:
    """Eight OK and four NG pictures, and one without a label."""
    pictures = tmp_path / "tiles"
    pictures.mkdir()
    rows = [(f"{k}.png", "ng" if k % 3 == 0 else "ok") for k in range(12)] + [("12.png", "unsure")]
    for name, _ in rows:
        (pictures / name).write_bytes(encoded(scene(seed=int(name.removesuffix(".png"))), "PNG"))
    (pictures / "labels.csv").write_text("image,verdict\n" + "".join(f"{name},{verdict}\n" for name, verdict in rows))
    return pictures


@pytest.fixture
def run(tmp_path: Path) -> Run:
    environment = os.environ | {"INSPECTOR_DATA": str(tmp_path / "data")}

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from inspector.cli.app import main; main()", *map(str, words)]
        return subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def plan(tmp_path: Path, card: Path, *strategies: str) -> ComparisonSettings:
    return ComparisonSettings(card, strategies, tmp_path / "votes.jsonl")


def test_a_labelled_folder_gets_all_strategies_and_its_votes_are_stored(
    run: Run, tiles: Path, declared: Path, card: Path, tmp_path: Path
) -> None:
    done = run("eval", "folder", tiles, "--pipelines", declared, "--model", card, "--json", "--out", tmp_path / "out")
    document: Any = json.loads(done.stdout)
    assert set(document["strategies"]) == set(STRATEGIES)
    assert document["parts"] == {"ok": 8, "ng": 4, "unreadable": []}
    assert len((tmp_path / "data" / "votes" / "tiles.jsonl").read_bytes().splitlines()) == 12
    assert (tmp_path / "out" / "report.md").exists()


def test_pictures_that_the_line_would_not_judge_are_named_with_the_reason(
    run: Run, tiles: Path, declared: Path, card: Path, tmp_path: Path
) -> None:
    whole = encoded(scene(), "JPEG")
    brought = {
        "cut.jpg": whole[: len(whole) // 10] + b"\xff\xd9",
        "small.png": encoded(scene(8, 8), "PNG"),
        "wide.png": encoded(scene(8000, 32), "PNG"),
    }
    for name, data in brought.items():
        (tiles / name).write_bytes(data)
    with (tiles / "labels.csv").open("a") as labels:
        labels.writelines(f"{name},ng\n" for name in brought)
    names = "--strategy", "direct"
    done = run(
        "eval", "folder", tiles, "--pipelines", declared, "--model", card, *names, "--json", "--out", tmp_path / "o"
    )
    document: Any = json.loads(done.stdout)
    reasons = dict(each.removeprefix(f"{tiles}/").split(": ", 1) for each in document["parts"]["unreadable"])
    assert set(reasons) == set(brought)
    assert "damaged or cut off" in reasons["cut.jpg"]
    assert "min_side_px" in reasons["small.png"]
    assert "200:1" in reasons["wide.png"]
    assert f"- {tiles}/small.png: " in (tmp_path / "o" / "report.md").read_text()


def test_strategies_can_be_compared_on_drawn_frames(run: Run, card: Path) -> None:
    done = run("eval", "synthetic", "--strategy", "direct", "--frames", "12", "--model", card, "--json")
    document: Any = json.loads(done.stdout)
    assert set(document["strategies"]) == {"default", "direct"}
    assert document["parts"] == {"ok": 6, "ng": 6, "unreadable": []}


def test_an_unknown_strategy_is_refused_before_anything_is_asked(run: Run, card: Path) -> None:
    done = run("eval", "synthetic", "--strategy", "best", "--model", card)
    assert done.returncode == 1
    assert "there is no strategy best" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_undeclared_line_is_named_with_the_declared_ones(tiles: Path, declared: Path) -> None:
    with pytest.raises(DeclarationError, match=r"no pipeline for pcb; use one of tiles"):
        folder_source(tiles, declared, line="pcb")


def test_a_shorter_run_is_spread_over_the_folder(tiles: Path, declared: Path) -> None:
    names = [Path(part.name).stem for part in folder_source(tiles, declared, frames=4).parts]
    assert names == ["0", "3", "6", "9"]


def test_a_missing_picture_is_reported_with_its_row(tiles: Path, declared: Path) -> None:
    (tiles / "5.png").unlink()
    with pytest.raises(InspectorError, match=r"labels.csv:7: image: '5.png' is missing"):
        folder_source(tiles, declared)


def test_drawn_frames_are_half_ng_of_every_product_with_a_golden_sample_of_their_variant() -> None:
    source = synthetic_source(ROOT / "pipelines", frames=24, seed=9000)
    parts = list(source.parts)
    for product in PRODUCTS:
        of_product = [part for part in parts if part.pipeline.line == product]
        assert sum(part.is_ng for part in of_product) == len(of_product) / 2 == 4
        assert len({part.golden for part in of_product}) == len(PRODUCTS[product].variants)
    assert all((part.visibility is not None) == part.is_ng for part in parts)
    assert all(source.evidence.get(sha256) for part in parts for sha256 in part.golden)


def test_a_stopped_run_says_how_it_goes_on_and_goes_on(tiles: Path, declared: Path, card: Path, tmp_path: Path) -> None:
    source = folder_source(tiles, declared)

    def stopped() -> Iterator[LabelledPart]:
        for count, part in enumerate(source.parts):
            if count == 5:
                raise KeyboardInterrupt
            yield part

    halted = PartSource(source.name, source.total, stopped(), source.evidence)
    with pytest.raises(InspectorError, match=r"stopped after 5 of 12 parts.*votes\.jsonl"):
        compare_strategies(halted, plan(tmp_path, card))
    assert len((tmp_path / "votes.jsonl").read_bytes().splitlines()) == 5
    result = compare_strategies(folder_source(tiles, declared), plan(tmp_path, card))
    assert len(result.labels.ng) == 12


def test_the_table_fits_a_terminal_of_eighty_columns(tiles: Path, declared: Path, card: Path, tmp_path: Path) -> None:
    result = compare_strategies(folder_source(tiles, declared), plan(tmp_path, card))
    screen = Console(width=80)
    with screen.capture() as shown:
        screen.print(comparison_table(result))
    lines = shown.get().splitlines()
    assert max(map(len, lines)) <= 80
    assert all(any(line.startswith(name) for line in lines) for name in STRATEGIES)
    assert "…" not in lines[1]
