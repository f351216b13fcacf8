"""An installation without a network, as docs/howto/install-on-one-machine.md describes it (`make proof`).

Wheels are collected into a folder, from an index or what this machine has of one; pip then installs from that folder in
a network namespace that has the loopback interface alone, and what it installed serves there.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.loopback_only import missing_right, without_network
from support.paths import ROOT
from support.serve_process import CARD, PIPELINE, START_S, free_port

from inspector.adapters.mqtt.local import mosquitto

COLLECT_TIMEOUT_S = 500
HOWTO = ROOT / "docs" / "howto" / "install-on-one-machine.md"
SERVE = """\
set -e
mosquitto -p {broker} & broker=$!
trap 'kill $broker' EXIT
"$@"
"""

pytestmark = [
    pytest.mark.plant,
    pytest.mark.timeout(1_200),
    pytest.mark.skipif(bool(missing_right()), reason=missing_right() or "a namespace can be made"),
    pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed"),
]


def howto_command(begin: str) -> list[str]:
    """The words of the command in the howto that begins so."""
    [found] = re.findall(rf"^{re.escape(begin)}.*$", HOWTO.read_text(), re.MULTILINE)
    return [word.strip("'") for word in found.split()]


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout and all that its base needs, collected as the howto says."""
    place = tmp_path_factory.mktemp("wheels")
    pages = ROOT / "inspector" / "adapters" / "console" / "web" / "dist" / "index.html"
    if not pages.is_file():
        pytest.skip("the pages are not built: make web")
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", "dist", str(ROOT)], place)
    [wheel] = (place / "dist").glob("inspector-*.whl")
    words = howto_command("pip download")
    options = words[2:-1]  # between `pip download` and what to download
    assert options == ["-d", "wheelhouse", "-c", "constraints.txt"], options
    shutil.copy(ROOT / "constraints.txt", place)
    run([sys.executable, "-m", "pip", "download", "--quiet", *options, str(wheel)], place)
    return place / "wheelhouse"


@pytest.fixture(scope="module")
def installed(wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment, filled from the folder alone."""
    folder = tmp_path_factory.mktemp("offline")
    venv.create(folder, with_pip=True)
    options = howto_command("/opt/inspector/bin/pip install --no-index")[2:-1]
    assert options == ["--no-index", "--find-links", "wheelhouse"], options
    command = [str(folder / "bin" / "pip"), "--isolated", "install", "--quiet", *options, "inspector"]
    run(without_network(command), wheelhouse.parent, PIP_CONFIG_FILE=os.devnull)
    return folder


def run(command: Sequence[str], folder: Path, **variables: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": ""} | variables, capture_output=True, text=True,
        timeout=COLLECT_TIMEOUT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_the_folder_is_enough_to_install_from(installed: Path, tmp_path: Path) -> None:
    assert run(without_network([str(installed / "bin" / "inspector"), "--version"]), tmp_path).startswith("inspector ")


def test_it_serves_without_a_network(installed: Path, tmp_path: Path) -> None:
    with serving(installed, tmp_path) as log:
        end = time.monotonic() + START_S
        while "running; press Ctrl-C to stop" not in log.read_text():
            assert time.monotonic() < end, log.read_text()[-3000:]
            time.sleep(0.2)


@contextmanager
def serving(installed: Path, folder: Path) -> Iterator[Path]:
    """Run `inspector serve` with a broker of its own in one namespace; yield the file of its output."""
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "kind.yaml").write_text(PIPELINE)
    (folder / "stub.yaml").write_text(CARD)
    broker, log = free_port(), folder / "serve.log"
    environment = os.environ | {
        "INSPECTOR_DATA": str(folder / "data"), "INSPECTOR_MODEL": str(folder / "stub.yaml"), "PYTHONPATH": "",
        "INSPECTOR_BROKER_PORT": str(broker), "INSPECTOR_CONSOLE_PORT": str(free_port()), "INSPECTOR_LOGIN": "off",
    }  # fmt: skip
    serve = [str(installed / "bin" / "inspector"), "serve", "--pipelines", str(folder / "pipelines")]
    command = without_network(["sh", "-c", SERVE.format(broker=broker), "sh", *serve])
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield log
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(90)
