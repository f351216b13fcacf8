"""The `serveConfigV2` of the rendered RayService, deployed as KubeRay does it, on a local Ray: it judges a frame."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from support.manifests import found, render
from support.postgres_server import postgres_server
from support.ray_head import ray_head
from support.serve_process import CARD, COMMAND, PIPELINE, free_port

from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.line_client import Exposure
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import local_broker
from inspector.domain.decision import Reason
from inspector.lab.synthetic import draw, encode
from inspector.messages.topics import Topics
from inspector.operations.replay import PublishedLine, run_lines
from inspector.operations.send_rate import FixedRate

pytestmark = [
    pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed"),
    pytest.mark.timeout(600),
]
BIN = Path(sys.executable).parent
START_S = 240.0
RESOURCES = {"station": 64, "console": 1, "model": 64}


@contextmanager
def dashboard_of_head(environment: dict[str, str]) -> Iterator[str]:
    """Run a head with the resources of the RayService's groups; yields the address of its dashboard."""
    port = free_port()
    options = (f"--resources={json.dumps(RESOURCES)}", f"--dashboard-port={port}")
    with ray_head(*options, f"--dashboard-agent-listen-port={free_port()}", environment=environment):
        yield f"http://127.0.0.1:{port}"


def run(environment: dict[str, str], *words: str | Path) -> str:
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def await_running(dashboard: str, environment: dict[str, str], names: set[str]) -> None:
    headers, end = {"Authorization": f"Bearer {environment['RAY_AUTH_TOKEN']}"}, time.monotonic() + START_S
    states: dict[str, str] = {}
    while {name for name, state in states.items() if state == "RUNNING"} != names:
        assert time.monotonic() < end, states
        time.sleep(0.5)
        answer = httpx.get(f"{dashboard}/api/serve/applications/", headers=headers).json()
        states = {name: each["status"] for name, each in answer["applications"].items()}
        messages = {name: each["message"] for name, each in answer["applications"].items()}
        assert "DEPLOY_FAILED" not in states.values(), messages


def test_rendered_applications_judge_a_frame(tmp_path: Path) -> None:
    spec = found(render("cpu-demo"), "RayService")["spec"]
    config = yaml.safe_load(spec["serveConfigV2"])
    config["http_options"] |= {"host": "127.0.0.1", "port": free_port()}
    (tmp_path / "serve.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "kind.yaml").write_text(PIPELINE)
    (tmp_path / "stub.yaml").write_text(CARD)
    console = free_port()
    with local_broker(tmp_path, prefer="mosquitto") as broker, postgres_server() as server:
        environment = os.environ | {
            "INSPECTOR_DATA": str(tmp_path / "data"), "INSPECTOR_MODEL": str(tmp_path / "stub.yaml"),
            "INSPECTOR_EVIDENCE_URL": str(tmp_path / "evidence"), "INSPECTOR_DATABASE_URL": server.create(),
            "INSPECTOR_BROKER_PORT": str(broker.port), "INSPECTOR_CONSOLE_PORT": str(console),
            **{f"INSPECTOR_{each.upper()}_RESOURCE": each for each in RESOURCES},
            "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a" * 64,
        }  # fmt: skip
        run(environment, *COMMAND, "db", "upgrade", "--pipelines", tmp_path / "pipelines")
        run(environment, *COMMAND, "line", "live", "kind", "--override", "--reason", "drill")
        with dashboard_of_head(environment) as dashboard:
            run(environment, BIN / "serve", "deploy", "--address", dashboard, tmp_path / "serve.yaml")
            await_running(dashboard, environment, {each["name"] for each in config["applications"]})
            assert httpx.get(f"http://127.0.0.1:{console}/health/ready").status_code == 204
            sent = PublishedLine("kind", "cam1", iter([Exposure("t-1", encode(draw("board", 1, size=160)), seq=1)]))
            at = Broker(broker.host, broker.port)
            [journey] = run_lines(at, Topics(), [sent], FixedRate(1.0), "kind", timeout_s=60)
    [(_, verdict)] = journey.verdicts
    assert verdict.reason in (Reason.NO_DEFECT, Reason.DEFECT)


def test_storage_on_one_node_is_refused(tmp_path: Path) -> None:
    code = "from inspector.bootstrap.ray_applications import stations; stations({})"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"INSPECTOR_DATA": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "set INSPECTOR_DATABASE_URL to a PostgreSQL database" in done.stderr
