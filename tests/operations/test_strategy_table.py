"""`inspector eval table` with the stub engine: drawn frames, real lines, and models that were taught."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.camera_pictures import encoded, scene
from support.declarations import line_file
from support.paths import ROOT
from support.serve_process import CARD
from support.taught_parts import taught_parts

from inspector.bootstrap.part_features import FeatureReader
from inspector.domain.report import Box
from inspector.errors import InspectorError
from inspector.lab.evaluation.strategies import FUSED, STRATEGIES, WITH_THOUGHTS
from inspector.lab.evaluation.strategy_table import PAGE, strategy_table
from inspector.lab.synthetic import PRODUCTS
from inspector.operations.strategy_table import TableSettings, table_sections
from inspector.ports.engine import Picture
from inspector.teaching.part_features import PartFeatures, TaughtPart


class KnownFeatures(FeatureReader):
    """Features by the bytes of the picture."""

    def __init__(self) -> None:
        super().__init__([])
        self.known: dict[bytes, PartFeatures] = {}

    def read(self, picture: Picture, template: Picture | None = None) -> PartFeatures:
        return self.known[picture.data]

    def normalised(self, picture: bytes, boxes: Sequence[tuple[float, float, float, float]]) -> tuple[Box, ...]:
        return ()


@pytest.fixture
def settings(tmp_path: Path) -> TableSettings:
    (tmp_path / "stub.yaml").write_text(CARD)
    pipelines = tmp_path / "pipelines"
    pipelines.mkdir()
    for product in PRODUCTS:
        shutil.copy(ROOT / "pipelines" / f"{product}.yaml", pipelines)
    shutil.copytree(ROOT / "pipelines" / "golden", pipelines / "golden")
    (pipelines / "tiles.yaml").write_text(line_file("tiles"))
    return TableSettings(tmp_path / "stub.yaml", pipelines, tmp_path / "votes", frames=12, thinking_frames=0)


def label(folder: Path, parts: Sequence[TaughtPart], features: KnownFeatures, first_seed: int) -> Path:
    """Write a labelled folder of readable pictures, whose features are those of the parts."""
    folder.mkdir(parents=True)
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", "verdict", "group"])
        for seed, part in enumerate(parts, start=first_seed):
            data = encoded(scene(seed=seed), "PNG")
            (folder / f"{seed}.png").write_bytes(data)
            features.known[data] = part.features
            table.writerow([f"{seed}.png", "ng" if part.is_ng else "ok", str(seed)])
    return folder


def table(settings: TableSettings, out: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-c", "from inspector.cli.app import main; main()", "eval", "table", "--json"]
    command += ["--frames", "12", "--thinking-frames", "12", "--out", str(out), "--votes", str(settings.votes)]
    command += ["--model", str(settings.card), "--pipelines", str(settings.pipelines), "--lines", str(settings.lines)]
    environment = os.environ | {"INSPECTOR_DATA": str(out / "data")}
    run = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    document: list[dict[str, Any]] = json.loads(run.stdout)
    return document


def test_page_chart_and_json_hold_every_set_of_parts_and_a_second_run_asks_nothing(
    settings: TableSettings, tmp_path: Path
) -> None:
    lines = label(tmp_path / "lines" / "tiles", taught_parts(8, 8), KnownFeatures(), first_seed=0).parent
    shown = TableSettings(settings.card, settings.pipelines, settings.votes, 12, 12, lines)
    first = table(shown, tmp_path / "out")
    assert [each["title"] for each in first] == ["Drawn frames", "Drawn frames, with long thoughts", "tiles"]
    assert FUSED.isdisjoint(first[0]["strategies"]), "too few frames to learn a fusion from"
    assert set(first[1]["strategies"]) == {"default", "direct", *WITH_THOUGHTS}
    assert set(first[2]["strategies"]) > set(STRATEGIES)
    assert json.loads((tmp_path / "out" / "strategies.json").read_text()) == first
    page = (tmp_path / "out" / "strategies.md").read_text()
    assert "## tiles\n\n16 parts: 8 OK, 8 NG." in page
    assert page.count("| `direct` |") == 3
    assert (tmp_path / "out" / "strategies.png").read_bytes().startswith(b"\x89PNG")
    votes = {file.name: file.read_bytes() for file in settings.votes.iterdir()}
    assert table(shown, tmp_path / "again") == first
    assert {file.name: file.read_bytes() for file in settings.votes.iterdir()} == votes


def test_models_that_were_taught_stand_next_to_the_strategies(settings: TableSettings, tmp_path: Path) -> None:
    features = KnownFeatures()
    lines = label(tmp_path / "lines" / "tiles", taught_parts(10, 10), features, first_seed=0).parent
    teaching = label(tmp_path / "teach" / "tiles", taught_parts(24, 12, seed=3), features, first_seed=100).parent
    shown = TableSettings(settings.card, settings.pipelines, settings.votes, 12, 0, lines, teaching)
    *_, tiles = table_sections(shown, features)
    assert {count: each.used.ng for count, each in tiles.taught.items()} == {0: 0, 30: 12}
    assert tiles.taught[30].auroc[0] > 0.9


def test_line_that_can_not_be_taught_is_compared_all_the_same(settings: TableSettings, tmp_path: Path) -> None:
    features = KnownFeatures()
    lines = label(tmp_path / "lines" / "tiles", taught_parts(10, 10), features, first_seed=0).parent
    teaching = label(tmp_path / "teach" / "tiles", taught_parts(0, 12, seed=3), features, first_seed=100).parent
    shown = replace(settings, lines=lines, teach_from=teaching)
    sections = list(table_sections(shown, features))
    assert sections[-1].not_taught.startswith("0 good parts of one group")
    assert (not sections[-1].taught, set(sections[-1].comparison.figures) > set(STRATEGIES)) == (True, True)
    assert f"Not taught: {sections[-1].not_taught}." in str(strategy_table("", "", sections)[PAGE])


def test_unusable_folders_are_named_before_a_question_is_asked(settings: TableSettings, tmp_path: Path) -> None:
    lines = label(tmp_path / "lines" / "tiles", taught_parts(2, 2), KnownFeatures(), first_seed=0).parent
    for given, taught, fault in (
        (tmp_path / "votes", None, "holds no LINE/labels.csv"),
        (lines, tmp_path / "pipelines", "holds no tiles/labels.csv; add it, or leave out --teach"),
    ):
        shown = TableSettings(settings.card, settings.pipelines, settings.votes, 12, 0, given, taught)
        with pytest.raises(InspectorError, match=fault):
            list(table_sections(shown, None))
    assert not settings.votes.exists()
