"""`inspector capacity`: the answer, and what is missing where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inspector.adapters.ledger import upgrade
from inspector.cli.app import app
from inspector.domain.declared import ViewName
from inspector.domain.vote import Vote
from inspector.errors import NotFoundError
from inspector.operations.capacity import part_ms
from inspector.settings import sqlite_url

RUNNER = CliRunner()
FIGURES = ["capacity", "--lines", "6", "--rate", "5", "--mean-ms", "120", "--p95-ms", "300"]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_two_figures_are_enough() -> None:
    result = RUNNER.invoke(app, [*FIGURES, "--deadline-ms", "1000", "--json"])
    answer = json.loads(result.stdout)
    assert (answer["parts_per_s"], answer["gpus"]) == (30.0, 5)
    assert answer["late_share"] <= 0.001


def test_servers_that_judge_several_at_once_need_fewer_gpus() -> None:
    result = RUNNER.invoke(app, [*FIGURES, "--deadline-ms", "1000", "--at-once", "4", "--json"])
    assert json.loads(result.stdout)["gpus"] == 2


def test_ladder_that_is_too_long_for_its_deadline_is_refused() -> None:
    result = RUNNER.invoke(app, [*FIGURES, "--deadline-ms", "150"])
    assert result.exit_code == 1
    assert "shorten the ladder" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--mean-ms", "100"],
        ["--mean-ms", "100", "--p95-ms", "50"],
        ["mugs", "--p95-ms", "100"],
        ["mugs", "--mean-ms", "100", "--deadline-ms", "1000"],
    ],
)
def test_missing_or_impossible_figures_are_named(arguments: list[str]) -> None:
    result = RUNNER.invoke(app, ["capacity", *arguments])
    assert result.exit_code == 2
    assert "--" in result.output


def test_line_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "inspector.db")
    upgrade(url)
    result = RUNNER.invoke(app, ["capacity", "mug"], env={"INSPECTOR_DATABASE_URL": url})
    assert result.exit_code == 1
    assert isinstance(result.exception, NotFoundError)
    assert str(result.exception) == "there is no line 'mug'; the ledger has: none"


def test_rungs_follow_each_other_and_views_of_a_rung_are_asked_together() -> None:
    votes = [Vote(ViewName.DIRECT, rung, 0.1, ms=ms) for rung, ms in ((0, 40.0), (1, 100.0), (1, 90.0), (2, 7.0))]
    assert part_ms(tuple(votes)) == 147.0
