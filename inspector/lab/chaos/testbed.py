"""Everything that a chaos run starts, in order, and how each fault strikes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.line_client import LineClient
from inspector.adapters.mqtt.local.broker import free_port
from inspector.adapters.mqtt.stray_client import StrayClient
from inspector.lab.chaos import hostile_camera
from inspector.lab.chaos.broker import HOST, KillableBroker
from inspector.lab.chaos.database import StoppableDatabase
from inspector.lab.chaos.hostile_camera import HostileCamera
from inspector.lab.chaos.load_generator import PRODUCT, LoadGenerator, is_judged, is_qualified
from inspector.lab.chaos.processes import GCS, RAYLET, REPLICA, SITE, STATION, ServiceProcesses, frozen_process
from inspector.lab.chaos.proxy import Proxy
from inspector.lab.chaos.schedule import FaultKind, ScheduledFault
from inspector.lab.chaos.slow_server import SlowServer
from inspector.messages.topics import Topics

LINE: Final = "chaos"
CAMERA: Final = "cam1"
START_TIMEOUT_S: Final = 180.0
FREEZE_DURATION_S: Final = 3.0
BROKER_OUTAGE_S: Final = 1.0
NETWORK_CUT_S: Final = 2.0
TAKEOVER_S: Final = 2.0
FULL_DISK_S: Final = 3.0
HOSTILE_S: Final = 5.0
STATION_CLIENT_ID: Final = f"{SITE}-station-0"
PIPELINE: Final = """\
line: {line}
cameras: [{camera}, {hostile}]
product: {product}
question: Is there any defect on this {product}?
defects: {{scratch: minor, dent: major, crack: critical, stain: minor, burr: major}}
ladder:
  - {{views: [direct]}}
deadline_ms: {deadline_ms:g}
"""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to run and what to break. `model` is the model card that judges; None until one is chosen.

    `settings` are further settings of the service by the names of their variables.
    """

    faults: tuple[FaultKind, ...]
    kills: int
    duration_s: float
    seed: int
    rate: float
    replicas: int
    deadline_ms: float
    model: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Testbed:
    """The running processes, as far as faults concern them. `taken`: trigger_ids that an intruder acknowledged."""

    broker: KillableBroker
    wire: Proxy
    database: StoppableDatabase
    service: ServiceProcesses
    load: LoadGenerator
    hostile: HostileCamera
    console_url: str
    taken: set[str] = field(default_factory=set)

    def strike(self, planned: ScheduledFault) -> AbstractContextManager[object]:
        """Inject the fault for the length of the block. The service or Ray replaces what died."""
        strikes: dict[FaultKind, Callable[[], AbstractContextManager[object]]] = {
            FaultKind.STATION: lambda: self.service.killed(STATION, planned.lot),
            FaultKind.STATION_FREEZE: lambda: self.service.frozen(STATION, planned.lot),
            FaultKind.REPLICA: lambda: self.service.killed(REPLICA, planned.lot),
            FaultKind.REPLICA_FREEZE: lambda: self.service.frozen(REPLICA, planned.lot),
            FaultKind.BROKER: self.broker.dead,
            FaultKind.BROKER_FREEZE: lambda: frozen_process(self.broker.pid),
            FaultKind.NETWORK: self.wire.cut,
            FaultKind.DATABASE: self.database.away,
            FaultKind.FULL_DISK: lambda: self.service.without_space(STATION),
            FaultKind.SERVICE: self.service.killed_whole,
            FaultKind.GCS: lambda: self.service.killed(GCS, planned.lot),
            FaultKind.RAYLET: lambda: self.service.killed(RAYLET, planned.lot),
            FaultKind.COUNTER: self.counter_restarted,
            FaultKind.TAKEOVER: self.session_taken_over,
        }
        return self.hostile.attacks(planned.fault) if planned.fault.is_hostile else strikes[planned.fault]()

    @contextmanager
    def counter_restarted(self) -> Iterator[None]:
        """Restart the camera's counter."""
        self.load.restart_counter()
        yield

    @contextmanager
    def session_taken_over(self) -> Iterator[None]:
        """Connect with the station's client id; what that client acknowledges never reaches the station."""
        with StrayClient(Broker(HOST, self.broker.port), STATION_CLIENT_ID, persistent=True) as intruder:
            yield
        self.taken.update(intruder.taken)

    def lasts_s(self, fault: FaultKind) -> float:
        """Return the duration of this fault in seconds; 0 for a kill."""
        freezes = (FaultKind.STATION_FREEZE, FaultKind.REPLICA_FREEZE, FaultKind.BROKER_FREEZE)
        fixed = {
            FaultKind.BROKER: BROKER_OUTAGE_S,
            FaultKind.NETWORK: NETWORK_CUT_S,
            FaultKind.DATABASE: self.database.away_s,
            FaultKind.FULL_DISK: FULL_DISK_S,
            FaultKind.TAKEOVER: TAKEOVER_S,
            **dict.fromkeys((each for each in FaultKind if each.is_hostile), HOSTILE_S),
        }
        return fixed.get(fault, FREEZE_DURATION_S if fault in freezes else 0.0)


@contextmanager
def testbed(orders: RunOptions, database: StoppableDatabase, folder: Path, run: str) -> Iterator[Testbed]:
    """Yield a testbed whose service judges frames. On exit the service stops first, so that its last verdicts arrive.

    Raises BrokerError or PoolError when something does not start.
    """
    pipelines = folder / "pipelines"
    pipelines.mkdir(parents=True, exist_ok=True)
    declaration = PIPELINE.format(
        line=LINE, camera=CAMERA, hostile=hostile_camera.CAMERA, product=PRODUCT, deadline_ms=orders.deadline_ms
    )
    (pipelines / f"{LINE}.yaml").write_text(declaration)
    with ExitStack() as stack:
        broker = stack.enter_context(KillableBroker(folder / "broker"))
        wire = stack.enter_context(Proxy(broker.port))
        client = stack.enter_context(LineClient(Broker(HOST, broker.port), Topics(), LINE, CAMERA, run))
        slow = stack.enter_context(SlowServer())
        environment = _environment(orders, database.url, wire.port, folder) | {"INSPECTOR_CLAIMS": f'["{slow.url}"]'}
        environment |= orders.settings
        service = stack.enter_context(ServiceProcesses(environment, pipelines, folder / "service.log", orders.replicas))
        load = LoadGenerator(client, run, orders.rate, orders.seed)
        stack.callback(load.stop)
        load.await_service(service.check, START_TIMEOUT_S, is_judged)
        service.run_command("line", "live", LINE, "--override", "--reason", "drill", "--days", "1")
        load.await_service(service.check, START_TIMEOUT_S, is_qualified)
        hostile = HostileCamera(Broker(HOST, broker.port), LINE, CAMERA, slow.url, orders.seed)
        console_url = f"http://{HOST}:{environment['INSPECTOR_CONSOLE_PORT']}/"
        yield Testbed(broker, wire, database, service, load, hostile, console_url)


def _environment(orders: RunOptions, database: str, broker_port: int, folder: Path) -> dict[str, str]:
    """Return the INSPECTOR_… variables of the service; none of them points to the user's own installation."""
    settings = {
        "DATA": str(folder / "data"),
        "DATABASE_URL": database,
        "EVIDENCE_URL": "",
        "BROKER_HOST": HOST,
        "BROKER_PORT": str(broker_port),
        "BROKER_PROTOCOL": "5",
        "BROKER_USERNAME": "",
        "BROKER_TLS": "false",
        "BROKER_CA": "",
        "BROKER_CERTIFICATE": "",
        "BROKER_KEY": "",
        "BROKER_KEY_PASSWORD": "",
        "BROKER_SERVER_NAME": "",
        "REPLY_ROOTS": "[]",
        "TOPIC_ROOT": Topics().root,
        "SITE": SITE,
        "STATIONS": "1",
        "REPLICAS": str(orders.replicas),
        "MODEL": str(orders.model),
        "CONSOLE_HOST": HOST,
        "CONSOLE_PORT": str(free_port(HOST, 0)),
    }
    return {f"INSPECTOR_{name}": value for name, value in settings.items()}
