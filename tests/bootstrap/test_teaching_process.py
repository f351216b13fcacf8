"""The child process that teaches: its settings, its progress, its report, its words, and its end."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from inspector.bootstrap.teaching_process import TeachingProcess
from inspector.errors import InspectorError
from inspector.lines.jobs import JobCancelled, JobProgress
from inspector.settings import Settings

REPORTS = """
import json, os, sys
for done in (1, 2):
    print(json.dumps({"stage": "features", "done": done, "total": 2}), file=sys.stderr, flush=True)
print("a warning", file=sys.stderr)
database = os.environ["INSPECTOR_DATABASE_URL"]
print(json.dumps({"words": sys.argv[1:], "database": database, "nice": os.nice(0), "auroc": float("nan")}))
sys.exit(1)
"""
FAILS = "import sys; sys.exit('error: pcb: no line; see inspector line list')"
SILENT = "pass"
SLEEPS = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"


class Steps:
    """Stores nothing but the progress."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def report_job(self, _number: int, done: int, total: int) -> None:
        self.seen.append((done, total))


def teach(folder: Path, script: str, progress: JobProgress | None = None, steps: Steps | None = None) -> Any:
    settings = Settings(data=folder, database_url="sqlite:///own.db")
    store: Any = steps or Steps()
    return TeachingProcess(settings, (sys.executable, "-c", script)).teach("pcb", progress or JobProgress(1, store))


def test_report_of_a_refused_result_is_read_with_the_steps_before_it(tmp_path: Path) -> None:
    steps = Steps()
    report = teach(tmp_path, REPORTS, steps=steps)
    assert steps.seen == [(1, 2), (2, 2)]
    assert report["words"] == ["pcb", "--json", "--model-only", "--json-progress"]
    assert report["database"] == "sqlite:///own.db"
    assert (report["nice"], report["auroc"]) == (os.nice(0), None)


@pytest.mark.parametrize(
    ("script", "words"), [(FAILS, "pcb: no line; see inspector line list"), (SILENT, "ended without a report")]
)
def test_failure_is_told_in_the_words_of_the_command(tmp_path: Path, script: str, words: str) -> None:
    with pytest.raises(InspectorError, match=words):
        teach(tmp_path, script)


def test_cancelled_process_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    class CancelledOnceItRuns(JobProgress):
        def check(self) -> None:
            if (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text():
                raise JobCancelled
            time.sleep(0.01)

    store: Any = Steps()
    with pytest.raises(JobCancelled):
        teach(tmp_path, SLEEPS, CancelledOnceItRuns(1, store))
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))
