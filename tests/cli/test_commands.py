"""The `inspector` command in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.loopback_only import missing_right, without_network
from support.paths import ROOT

from inspector.adapters.mqtt.local import mosquitto

Run = Callable[..., subprocess.CompletedProcess[str]]
COMMAND = [sys.executable, "-c", "from inspector.cli.app import main; main()"]
needs_mosquitto = pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    environment = os.environ | {"INSPECTOR_DATA": str(tmp_path / "data"), "INSPECTOR_BROKER_PORT": "9"}

    def run(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words],
            env=environment | settings,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run


@pytest.fixture
def declared(tmp_path: Path) -> Path:
    folder = tmp_path / "lines"
    folder.mkdir()
    shutil.copy(ROOT / "pipelines" / "golden" / "board-3.jpg", folder / "good.jpg")
    (folder / "pcb.yaml").write_text(
        "line: pcb\ncameras: [cam1]\nproduct: board\n"
        "question: Is there a defect on this board?\ndefects: {short: critical}\n"
        "ladder: [{views: [direct]}]\ngolden_samples: [good.jpg]\nreferences: 1\n"
    )
    return folder


def document(done: subprocess.CompletedProcess[str]) -> Any:
    """Standard output is one JSON document and nothing else."""
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@dataclass(frozen=True)
class DemoRun:
    """A demo that has ended: what it printed, and its folder."""

    done: subprocess.CompletedProcess[str]
    folder: Path

    @property
    def figures(self) -> Any:
        return document(self.done)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """The demo, without any network where this user may take it away."""
    folder = tmp_path_factory.mktemp("demo")
    environment = os.environ | {
        "INSPECTOR_DATA": str(folder / "data"),
        "INSPECTOR_DATABASE_URL": f"sqlite:///{folder / 'plant.db'}",
    }
    command = [*COMMAND, "demo", "--frames", "20", "--exit", "--json"]
    if not missing_right():
        command = without_network(command)
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=580, check=False)
    return DemoRun(done, folder)


@needs_mosquitto
@pytest.mark.timeout(600)  # of which most is the demo's
def test_demo_runs_everything_and_prints_the_figures(demo: DemoRun) -> None:
    figures = demo.figures
    assert (figures["frames_sent"], figures["verdicts"], figures["lost"], figures["duplicates"]) == (20, 20, 0, 0)
    assert figures["dispositions"]["PASS"] > 0, figures
    assert (figures["rate"]["started_fps"] > 0, figures["rate"]["part_s"] > 0) == (True, True)
    assert "rate: one part alone takes" in demo.done.stderr
    assert set(figures) >= {"latency_ms", "votes_mean", "balanced_accuracy", "escapes", "overkill", "first_verdict_s"}


@needs_mosquitto
def test_demo_leaves_this_installation_alone_and_no_process_behind(demo: DemoRun) -> None:
    assert not (demo.folder / "plant.db").exists()
    assert (demo.folder / "data" / "demo" / "inspector.db").is_file()
    running = [each.info["cmdline"] for each in psutil.process_iter(["cmdline"])]
    assert [each for each in running if str(demo.folder) in str(each)] == []


@needs_mosquitto
def test_demo_needs_no_network(demo: DemoRun) -> None:
    """It ran where there is the loopback interface alone."""
    if why := missing_right():
        pytest.skip(why)
    devices = subprocess.run(
        without_network(["cat", "/proc/net/dev"]), capture_output=True, text=True, check=True
    ).stdout
    assert [line.split(":")[0].strip() for line in devices.splitlines()[2:]] == ["lo"]
    assert demo.done.returncode == 0, demo.done.stderr
    assert demo.figures["verdicts"] == 20


def test_version_is_that_of_the_distribution(run: Run) -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"inspector {version('inspector')}\n")


def test_a_failed_check_names_its_remedy(run: Run) -> None:
    done = run("check", "--json")
    assert done.returncode == 1
    checks = {each["check"]: each for each in document(done)["checks"]}
    assert not checks["broker"]["ok"]
    assert checks["broker"]["remedy"]
    assert checks["model"]["ok"]
    assert checks["disk"]["ok"]


def test_apply_shows_a_diff_and_makes_a_version_only_for_what_changed(run: Run, declared: Path) -> None:
    first = document(run("apply", str(declared), "--json"))["lines"][0]
    assert (first["new"], first["new_version"]) == (True, 1)
    again = document(run("apply", str(declared), "--json"))["lines"][0]
    assert (again["changed"], again["new_version"]) == (False, None)
    text = (declared / "pcb.yaml").read_text()
    (declared / "pcb.yaml").write_text(text + "thresholds: {pass_below: 0.1, reject_above: 0.8}\n")
    dry = document(run("apply", str(declared), "--dry-run", "--json"))["lines"][0]
    assert (dry["changed"], dry["new_version"]) == (True, None)
    assert dry["changes"] == [{"field": "thresholds.pass_below", "old": 0.2, "new": 0.1, "rescores": False}]
    assert document(run("apply", str(declared), "--json"))["lines"][0]["new_version"] == 2


def test_a_line_that_would_scrap_every_good_part_is_warned_of_wherever_it_is_shown(run: Run, declared: Path) -> None:
    with (declared / "pcb.yaml").open("a") as file:
        file.write("fail_safe: REJECT\n")
    warning = "pcb: fail_safe is REJECT: leave the gate in bypass"
    assert warning in " ".join(run("apply", str(declared)).stderr.split())
    listed = run("line", "list", "--json")
    assert warning in " ".join(listed.stderr.split())
    assert [each["state"] for each in document(listed)] == ["COMMISSIONING"]


def test_apply_reports_all_faults_together_and_stores_nothing(run: Run, declared: Path) -> None:
    (declared / "bad.yaml").write_text("line: bad line\nproduct: x\nladdder: []\n")
    done = run("apply", str(declared))
    assert done.returncode == 1
    for named in ("bad.yaml:1", "did you mean 'ladder'", "question"):
        assert named in done.stderr.replace("\n", " ")
    assert document(run("apply", str(declared / "pcb.yaml"), "--json"))["lines"][0]["new"]


@pytest.mark.parametrize("golden", ["gone.png", "pcb.yaml", "."])
def test_apply_refuses_a_golden_sample_that_can_not_be_had(run: Run, declared: Path, golden: str) -> None:
    text = (declared / "pcb.yaml").read_text()
    (declared / "pcb.yaml").write_text(text.replace("good.jpg", golden))
    done = run("apply", str(declared))
    assert done.returncode == 1
    assert "golden_samples[0]" in done.stderr


def test_exported_pipelines_can_be_applied(run: Run, declared: Path, tmp_path: Path) -> None:
    run("apply", str(declared))
    assert run("export", "pipelines", str(tmp_path / "out")).returncode == 0
    shutil.move(tmp_path / "out", tmp_path / "elsewhere")
    assert not document(run("apply", str(tmp_path / "elsewhere"), "--json"))["lines"][0]["changed"]


def test_export_parts_writes_a_header_and_refuses_an_unknown_disposition(
    run: Run, declared: Path, tmp_path: Path
) -> None:
    assert run("apply", str(declared)).returncode == 0
    assert run("export", "parts", str(tmp_path / "out.csv"), "--disposition", "pass").returncode == 0
    assert (tmp_path / "out.csv").read_text().startswith("result_id,trigger_id,part_id,")
    assert run("export", "parts", "-", "--disposition", "PASSED").returncode == 2
    refused = run("export", "parts", str(tmp_path / "none" / "out.csv"))
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)


def test_export_contract_writes_documents(run: Run, tmp_path: Path) -> None:
    assert run("export", "contract", str(tmp_path / "contract")).returncode == 0
    names = {path.name for path in (tmp_path / "contract").iterdir()}
    assert {"asyncapi.json"} < names
    for path in (tmp_path / "contract").iterdir():
        json.loads(path.read_text())


def test_db_upgrade_says_from_where_to_where(run: Run) -> None:
    first = document(run("db", "upgrade", "--json"))
    assert first["before"] is None
    assert document(run("db", "upgrade", "--json"))["before"] == first["after"]


def test_rebuilding_statistics_says_how_many_sums_were_wrong(run: Run) -> None:
    run("db", "upgrade")
    assert document(run("db", "rebuild-statistics", "--json"))["corrected"] == 0


def test_setting_that_is_wrong_is_named(run: Run) -> None:
    done = run("check", INSPECTOR_BROKER_PORT="many")
    assert done.returncode == 2
    assert "INSPECTOR_BROKER_PORT" in done.stderr


def test_unreachable_broker_is_one_line_with_a_remedy(run: Run) -> None:
    done = run("simulate", "--frames", "1")
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr
