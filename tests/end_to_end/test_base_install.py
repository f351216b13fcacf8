"""`pip install .` without extras, in a fresh environment: it serves a line whose model runs on another server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from support.paths import ROOT

from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.line_client import Exposure
from inspector.adapters.mqtt.local.broker import LocalBroker, local_broker
from inspector.domain.decision import Reason
from inspector.messages.topics import Topics
from inspector.operations.replay import PublishedLine, run_lines
from inspector.operations.run_statistics import run_statistics
from inspector.operations.send_rate import FixedRate

if find_spec("xllamacpp") is None or find_spec("gguf") is None:
    pytest.skip("llama.cpp's server is not installed: pip install xllamacpp gguf", allow_module_level=True)

from support import tiny_model
from support.gguf_model import write_gguf
from support.llama_server import MODEL, llama_server

INSTALL_TIMEOUT_S = 240
START_TIMEOUT_S = 120.0
NOT_WANTED = ("torch", "transformers", "matplotlib")
PIPELINE = """\
line: lamps
cameras: [cam1]
product: lamp
question: Is this lamp too bright?
defects: {glare: minor}
ladder: [{views: [direct]}]
quality: {min_side_px: 8}
deadline_ms: 60000
"""
CARD = """\
name: tiny
engine: openai
checkpoint: %s
pixels: {min: 4096, max: 4096}
replicas: 1
server: {base_url: "%s", max_n: 4}
"""

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Installation:
    """A fresh environment that holds the base package only."""

    folder: Path

    def program(self, name: str) -> str:
        return str(self.folder / "bin" / name)

    def python(self, code: str) -> str:
        run = [self.program("python"), "-c", code]
        return subprocess.run(run, check=True, capture_output=True, text=True, cwd=self.folder, timeout=120).stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("base")
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--retries", "1"]
    done = subprocess.run(
        [*pip, "-c", str(ROOT / "constraints.txt"), str(ROOT)],
        capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False,
    )  # fmt: skip
    if done.returncode and "Could not find a version that satisfies" in done.stderr:
        pytest.skip(f"no package index can be reached: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return Installation(folder)


def test_the_base_brings_no_model_or_charts(installed: Installation) -> None:
    code = "import importlib.util, json, sys; print(json.dumps([bool(importlib.util.find_spec(n)) for n in %r]))"
    assert json.loads(installed.python(code % (NOT_WANTED,))) == [False] * len(NOT_WANTED)


def test_the_command_line_starts_without_heavy_packages(installed: Installation) -> None:
    code = (
        "import sys, inspector.cli.app; print([n for n in ('cv2', 'ray', 'scipy', 'sqlalchemy') if n in sys.modules])"
    )
    assert installed.python(code).strip() == "[]"


def test_a_command_that_needs_more_names_the_extra(installed: Installation, tmp_path: Path) -> None:
    card = ROOT / "models" / "demo.yaml"
    environment = os.environ | {"INSPECTOR_DATA": str(tmp_path), "INSPECTOR_MODEL": str(card), "PYTHONPATH": ""}
    command = [installed.program("inspector"), "check", "--ask", "--json"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert "pip install 'inspector[engine]'" in done.stdout
    assert "Traceback" not in done.stderr


def test_it_serves_a_line_whose_model_runs_on_another_server(installed: Installation, tmp_path: Path) -> None:
    model = write_gguf(tiny_model.folder() / "tiny", tmp_path)
    with (
        llama_server(model) as address,
        local_broker(tmp_path / "broker") as broker,
        serving(installed, tmp_path, CARD % (MODEL, address), broker) as console,
    ):
        assert '<script type="module"' in httpx.get(console).text, "the wheel brings the built pages"
        shown = [Exposure(f"lamp-{n}", tiny_model.lamp(0.3 + 0.4 * (n % 2)).data, "image/png", seq=n) for n in range(6)]
        line = [PublishedLine("lamps", "cam1", iter(shown))]
        journeys = run_lines(Broker(broker.host, broker.port), Topics(), line, FixedRate(5.0), "lamps", timeout_s=60)
        result = run_statistics(journeys)
        assert (result["verdicts"], result["lost"], result["duplicates"]) == (6, 0, 0)
        verdicts = [journey.verdicts[0][1] for journey in journeys]
        assert {verdict.reason for verdict in verdicts} == {Reason.UNQUALIFIED}, "a new line passes nothing"
        assert all(verdict.p_ng is not None for verdict in verdicts)


@contextmanager
def serving(installed: Installation, folder: Path, card: str, broker: LocalBroker) -> Iterator[str]:
    """The address of the console of `inspector serve`, as installed, until the block ends."""
    (folder / "card.yaml").write_text(card)
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "lamps.yaml").write_text(PIPELINE)
    port = _free_port()
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {
        "INSPECTOR_DATA": str(folder / "data"), "INSPECTOR_MODEL": str(folder / "card.yaml"),
        "INSPECTOR_BROKER_HOST": broker.host, "INSPECTOR_BROKER_PORT": str(broker.port),
        "INSPECTOR_CONSOLE_PORT": str(port), "INSPECTOR_LOGIN": "off",
    }  # fmt: skip
    command = [installed.program("inspector"), "serve", "--pipelines", str(folder / "pipelines")]
    with (folder / "serve.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        _await_health(process, f"http://127.0.0.1:{port}", folder / "serve.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _await_health(process: subprocess.Popen[bytes], console: str, log: Path) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            if httpx.get(f"{console}/api/v1/health", timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise AssertionError(f"the console did not answer: {log.read_text()[-3000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
