"""The whole product for a long time: nothing grows, logs rotate, pictures leave (`make proof`).

A station remembers its last 10,000 parts, to recognise those that come again: its memory grows until then.
SOAK_FRAMES and SOAK_RATE shorten the long run; the warm-up is then two fifths of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from inspector.adapters.mqtt.local import mosquitto
from inspector.domain.declared import Disposition

FRAMES: Final = int(os.environ.get("SOAK_FRAMES", "25000"))
RATE: Final = float(os.environ.get("SOAK_RATE", "34"))
COMMAND: Final = [sys.executable, "-c", "from inspector.cli.app import main; main()", "soak", "--json"]

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed"),
    pytest.mark.timeout(3 * 3600),
]


def soak(folder: Path, frames: float, rate: float) -> dict[str, Any]:
    options = ["--minutes", f"{frames / rate / 60.0:.3f}", "--rate", f"{rate:g}", "--plot", str(folder / "soak.png")]
    command = [*COMMAND, *options, "--folder", str(folder / "plant")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    sys.stdout.write(done.stdout)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_nothing_grows(tmp_path: Path) -> None:
    document = soak(tmp_path, FRAMES, RATE)
    assert document["problems"] == []
    assert document["frames"] > 0.9 * FRAMES
    assert document["dispositions"][Disposition.PASS] > 0.5 * FRAMES
    assert document["evidence"]["removed_mib"] > 0.3 * document["evidence"]["written_mib"], "retention acts"


def test_a_short_run_has_every_figure(tmp_path: Path) -> None:
    """Too short to prove that nothing grows: it shows that everything is sampled."""
    document = soak(tmp_path, 300, 20.0)
    names = [row["name"] for row in document["processes"]]
    assert {"station", "model replica", "console", "inspector serve", "broker", "Ray GCS"} <= set(names)
    assert document["lost"] == 0
    assert document["people"]["requests"] > 0
    assert document["people"]["refused"] == {}
    assert document["evidence"]["written_mib"] > 0
    assert (tmp_path / "soak.png").stat().st_size > 10_000
