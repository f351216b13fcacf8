"""`inspector ledger`, `backup` and `restore` through the command line."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.fakes import NOON, a_part, a_verdict

from inspector.adapters.ledger import FileEvidence, SqlLedger, upgrade
from inspector.domain.reconciliation import Gap
from inspector.ports.ledger import CameraActivity

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """An installation with three parts; one trigger is missing and not recorded as lost."""
    folder = tmp_path / "data"
    upgrade(url_of(folder))
    asyncio.run(fill(folder))
    return folder


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder / 'inspector.db'}"


async def fill(folder: Path) -> None:
    evidence = FileEvidence(folder / "evidence")
    async with SqlLedger(url_of(folder)) as ledger:
        for seq in (1, 2, 4):
            picture = evidence.put(b"\xff\xd8\xff %d" % seq, "image/jpeg")
            part = a_part(f"t-{seq}", seq=seq, evidence=picture)
            await ledger.record(part, [a_verdict(part)])
        await ledger.add_camera_activity([CameraActivity("pcb", "cam1", NOON, True, 3, last_seq=4)])


async def explain(folder: Path) -> None:
    async with SqlLedger(url_of(folder)) as ledger:
        await ledger.add_camera_activity([CameraActivity("pcb", "cam1", NOON, True, gaps=(Gap(3, 3, NOON, 1),))])


@pytest.fixture
def run(data: Path) -> Run:
    def run(*words: str, folder: Path = data) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from inspector.cli.app import main; main()", *words]
        environment = os.environ | {"INSPECTOR_DATA": str(folder)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)

    return run


def document(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_accounts_that_do_not_balance_show_in_the_figures_and_the_exit_code(run: Run, data: Path) -> None:
    done = run("ledger", "--line", "pcb", "--json")
    books = document(done)
    assert done.returncode == 1
    assert (books["triggers_seen"], books["decided"], books["lost"], books["unaccounted"]) == (4, 3, 0, 1)
    assert (books["published"], books["pending"], books["balanced"]) == (0, 3, False)
    assert books["problems"] == ["cam1: 1 trigger(s) neither decided nor recorded as lost: seq 3 to 3"]
    asyncio.run(explain(data))
    done = run("ledger", "--line", "pcb", "--json")
    assert done.returncode == 0
    assert document(done)["states"] == {"RECEIVED": 0, "DECIDED": 3, "PUBLISHED": 0, "ACKNOWLEDGED": 0, "LOST": 1}


def test_unknown_line_is_named_with_the_known_ones(run: Run) -> None:
    done = run("ledger", "--line", "pbc")
    assert done.returncode == 1
    assert "no line 'pbc' in the ledger; there are: pcb" in " ".join(done.stderr.split())


def test_backup_is_restored_into_an_empty_installation_and_not_over_a_full_one(run: Run, tmp_path: Path) -> None:
    made = document(run("backup", str(tmp_path / "b.tar"), "--json"))
    assert (made["rows"]["parts"], made["pictures"]) == (3, 3)
    restored = run("restore", made["file"], "--json", folder=tmp_path / "other")
    assert document(restored)["rows"]["parts"] == 3
    assert document(run("ledger", "--line", "pcb", "--json", folder=tmp_path / "other"))["decided"] == 3
    refused = run("restore", made["file"], folder=tmp_path / "other")
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert run("restore", made["file"], "--force", folder=tmp_path / "other").returncode == 0


def test_backup_that_misses_pictures_ends_with_1(run: Run, data: Path, tmp_path: Path) -> None:
    next((data / "evidence").rglob("*.jpg")).unlink()
    done = run("backup", str(tmp_path / "b.tar"), "--json")
    assert done.returncode == 1
    assert len(document(done)["missing_pictures"]) == 1
