"""`inspector export acl`: from a folder, from the ledger, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.paths import ROOT
from typer.testing import CliRunner

from inspector.adapters.ledger import FileEvidence, upgrade
from inspector.bootstrap.from_settings import absolute
from inspector.cli.app import app
from inspector.errors import BrokerError
from inspector.operations.apply import plan_changes, read_pipelines, store_changes
from inspector.settings import Settings

WASHER = ROOT / "pipelines" / "washer.yaml"


@pytest.fixture(autouse=True)
def _own_installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INSPECTOR_DATA", str(tmp_path / "var"))
    monkeypatch.setenv("INSPECTOR_TOPIC_ROOT", "acme/plant1")
    (tmp_path / "var").mkdir()


def exported(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["export", "acl", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_folder_of_pipelines_becomes_users_below_the_own_root() -> None:
    acl = exported("-", "--pipelines", str(WASHER))
    assert "user camera/washer/cam1\ntopic write acme/plant1/washer/cam1/frame/#" in acl
    assert "inspector/v1" not in acl


def test_live_lines_become_the_same_users(tmp_path: Path) -> None:
    settings = absolute(Settings())
    upgrade(settings.database)
    store_changes(
        plan_changes(read_pipelines(WASHER), settings.database, FileEvidence(settings.evidence)), settings.database
    )
    exported(str(tmp_path / "acl"))
    assert (tmp_path / "acl").read_text() == exported("-", "--pipelines", str(WASHER))


def test_stations_user_is_that_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_BROKER_USERNAME", "inspector")
    monkeypatch.setenv("INSPECTOR_REPLY_ROOTS", '["plc/replies"]')
    acl = exported("-", "--pipelines", str(WASHER))
    station = acl.split("user inspector\n")[1].split("\n\n")[0]
    assert "topic readwrite acme/plant1/+/+/verdict" in station
    assert "topic write plc/replies/#" in station


def test_station_with_another_roles_user_is_refused() -> None:
    with pytest.raises(BrokerError, match="user of its own"):
        exported("-", "--pipelines", str(WASHER), "--station-user", "person")


def test_installation_without_lines_is_refused() -> None:
    upgrade(absolute(Settings()).database)
    with pytest.raises(BrokerError, match="inspector apply"):
        exported("-")
