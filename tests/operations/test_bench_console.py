"""The benchmark of the console says what it lacks before it fills a ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.errors import InspectorError
from inspector.operations.bench_console import GOALS, ConsoleLoad, measure_console
from inspector.settings import Settings


def test_missing_browser_is_named_before_anything_is_stored(tmp_path: Path) -> None:
    pytest.importorskip("playwright", reason="playwright is not installed")
    settings = Settings(data=tmp_path, database_url="", evidence_url="")
    with pytest.raises(InspectorError, match=r"--chromium: .*nothing is no file; install Chromium"):
        measure_console(settings, ConsoleLoad(), tmp_path / "nothing", lambda text: None)
    assert list(tmp_path.iterdir()) == []


def test_goals_are_those_that_people_were_promised() -> None:
    assert GOALS == {
        "next_picture_p95_ms": 100.0,
        "first_load_kb": 150.0,
        "list_painted_ms": 1000.0,
        "light_off_ms": 3000.0,
        "console_cpu_share": 0.25,
        "tune_step_p95_ms": 200.0,
        "connect_s": 120.0,
        "rollback_live_ms": 2000.0,
    }
