"""The service on several nodes: a head, a station near the broker, and model nodes with one accelerator each.

The stub engine sleeps, so that the nodes can share this machine's cores. The line sends through a real mosquitto.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from support.plant_broker import configured_broker
from support.postgres_server import postgres_server
from support.ray_nodes import RayNode, RayNodes, ray_nodes
from support.serve_process import COMMAND

from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.line_client import LineClient
from inspector.adapters.mqtt.local import mosquitto
from inspector.lab.chaos.database import stored_parts
from inspector.lab.chaos.load_generator import LoadGenerator, is_judged, is_qualified
from inspector.lab.chaos.report import PartTrace
from inspector.lab.chaos.run import part_traces
from inspector.messages.topics import Topics

LINE: Final = "nodes"
CAMERA: Final = "cam1"
BROKER_PORT: Final = 1883
MIB: Final = 2**20
START_S: Final = 240.0
STOP_S: Final = 60.0
DRAIN_S: Final = 20.0
CARD: Final = """\
name: stub
engine: stub
checkpoint: {checkpoint}
pixels: {{min: 102400, max: 102400}}
num_gpus: 1
replicas: {replicas}
"""
PIPELINE: Final = """\
line: {line}
cameras: [{camera}]
product: washer
question: Is there any defect on this washer?
defects: {{scratch: minor, dent: major}}
ladder: [{{views: [direct]}}]
deadline_ms: {deadline_ms:g}
"""


@dataclass(slots=True)
class ClusteredSite:
    """The running service. `models` are the model nodes by name, `head` is the node that knows the others."""

    nodes: RayNodes
    head: RayNode
    station: RayNode
    database: str
    folder: Path
    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]
    models: dict[str, RayNode] = field(default_factory=dict)

    def add_model_node(self) -> RayNode:
        name = f"model-{len(self.models) + 1}"
        self.models[name] = node = add_model_node(self.nodes, name)
        return node

    def restart_head(self) -> None:
        self.head = self.nodes.start_head()

    def check(self) -> None:
        assert self.process.poll() is None, self.output
        assert self.station.outer.poll() is None

    @property
    def output(self) -> str:
        return (self.folder / "serve.log").read_text(errors="replace")

    def command(self, *words: str) -> str:
        """Run an `inspector` command on the service's installation."""
        done = subprocess.run(
            [*COMMAND, *words], env=self.environment, capture_output=True, text=True, check=False, cwd=self.folder
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def load(self, run: str, rate: float) -> Iterator[LoadGenerator]:
        """Yield a camera of a line that is live: a model has judged its first frames."""
        broker = Broker(self.nodes.net.host, BROKER_PORT)
        with LineClient(broker, Topics(), LINE, CAMERA, run) as client:
            load = LoadGenerator(client, run, rate, seed=1)
            load.await_service(self.check, START_S, is_judged)
            self.command("line", "live", LINE, "--override", "--reason", "drill", "--days", "1")
            load.await_service(self.check, START_S, is_qualified)
            yield load
            load.stop()

    def traces(self, load: LoadGenerator) -> list[PartTrace]:
        """Stop the camera; return its parts with their verdicts and records."""
        load.stop()
        load.drain(DRAIN_S)
        return part_traces(load.journeys(), stored_parts(self.database, LINE))


def add_model_node(nodes: RayNodes, name: str) -> RayNode:
    return nodes.add(name, gpus=1, model=64)


@contextmanager
def clustered_site(
    folder: Path, *, deadline_ms: float, replicas: int = 2, checkpoint: str = "none"
) -> Iterator[ClusteredSite]:
    """Run the service on a head, a station node and `replicas` model nodes."""
    (folder / "pipelines").mkdir(parents=True)
    declaration = PIPELINE.format(line=LINE, camera=CAMERA, deadline_ms=deadline_ms)
    (folder / "pipelines" / f"{LINE}.yaml").write_text(declaration)
    (folder / "stub.yaml").write_text(CARD.format(checkpoint=checkpoint, replicas=replicas))
    with ExitStack() as stack:
        server = stack.enter_context(postgres_server())
        nodes = stack.enter_context(ray_nodes())
        host = nodes.net.host
        config = folder / "mosquitto.conf"
        config.write_text(mosquitto.config(folder, host, BROKER_PORT, message_bytes=16 * MIB, queue_bytes=1024 * MIB))
        stack.enter_context(configured_broker(config, BROKER_PORT, host))
        database = server.create()
        environment = nodes.environment | {
            "INSPECTOR_DATA": str(folder / "data"), "INSPECTOR_MODEL": str(folder / "stub.yaml"),
            "INSPECTOR_EVIDENCE_URL": str(folder / "evidence"), "INSPECTOR_DATABASE_URL": database,
            "INSPECTOR_BROKER_HOST": host, "INSPECTOR_BROKER_PORT": str(BROKER_PORT), "INSPECTOR_LOGIN": "off",
            "INSPECTOR_SITE": "plant", "INSPECTOR_STATION_RESOURCE": "station",
            "INSPECTOR_CONSOLE_RESOURCE": "console", "INSPECTOR_MODEL_RESOURCE": "model",
        }  # fmt: skip
        head = nodes.start_head()
        station = nodes.add("station", station=64, console=1)
        models = {f"model-{number}": add_model_node(nodes, f"model-{number}") for number in range(1, replicas + 1)}
        process = stack.enter_context(_serve(nodes, station, folder, environment))
        yield ClusteredSite(nodes, head, station, database, folder, process, environment, models)


@contextmanager
def _serve(
    nodes: RayNodes, station: RayNode, folder: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `inspector serve` on the station's node until the block ends."""
    log = folder / "serve.log"
    words = [*station.enter, *COMMAND, "serve", "--pipelines", str(folder / "pipelines"), "--ray-address", nodes.gcs]
    with log.open("wb") as output:
        process = subprocess.Popen(words, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + START_S
        while b"running; press Ctrl-C to stop" not in log.read_bytes():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.2)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
