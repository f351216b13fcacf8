"""Everything that a drill runs, started in order and gone afterwards, and how each fault strikes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.line_client import LineClient
from inspector.adapters.mqtt.local.broker import free_port
from inspector.lab.chaos.broker import HOST, KillableBroker
from inspector.lab.chaos.crew import REPLICA, STATION, Crew, frozen
from inspector.lab.chaos.database import Database
from inspector.lab.chaos.feed import PRODUCT, Feed
from inspector.lab.chaos.proxy import Proxy
from inspector.lab.chaos.schedule import Fault, Planned
from inspector.messages.topics import Topics

LINE: Final = "chaos"
CAMERA: Final = "cam1"
START_S: Final = 180.0
FREEZE_S: Final = 3.0
DEAD_S: Final = 1.0
CUT_S: Final = 2.0
PIPELINE: Final = """\
line: {line}
product: {product}
question: Is there any defect on this {product}?
defects: {{scratch: minor, dent: major, crack: critical, stain: minor, burr: major}}
ladder:
  - {{views: [direct]}}
deadline_ms: {deadline_ms:g}
"""


@dataclass(frozen=True, slots=True)
class Orders:
    """What to run, and what to break. `model` is the card that judges, None until somebody chose one."""

    faults: tuple[Fault, ...]
    kills: int
    duration_s: float
    seed: int
    rate: float
    replicas: int
    deadline_ms: float
    model: Path | None = None


@dataclass(frozen=True, slots=True)
class Plant:
    """What runs, as far as faults concern it."""

    broker: KillableBroker
    wire: Proxy
    database: Database
    crew: Crew
    feed: Feed

    def strike(self, planned: Planned) -> AbstractContextManager[object]:
        """The fault, for the length of the block; what died is replaced by whoever watches over it."""
        strikes: dict[Fault, Callable[[], AbstractContextManager[object]]] = {
            Fault.STATION: lambda: self.crew.killed(STATION, planned.lot),
            Fault.STATION_FREEZE: lambda: self.crew.frozen(STATION, planned.lot),
            Fault.REPLICA: lambda: self.crew.killed(REPLICA, planned.lot),
            Fault.REPLICA_FREEZE: lambda: self.crew.frozen(REPLICA, planned.lot),
            Fault.BROKER: self.broker.dead,
            Fault.BROKER_FREEZE: lambda: frozen(self.broker.pid),
            Fault.NETWORK: self.wire.cut,
            Fault.DATABASE: self.database.away,
        }
        return strikes[planned.fault]()

    def lasts_s(self, fault: Fault) -> float:
        """How long this fault lasts; 0 for a death that is over at once."""
        freezes = (Fault.STATION_FREEZE, Fault.REPLICA_FREEZE, Fault.BROKER_FREEZE)
        fixed = {Fault.BROKER: DEAD_S, Fault.NETWORK: CUT_S, Fault.DATABASE: self.database.away_s}
        return fixed.get(fault, FREEZE_S if fault in freezes else 0.0)


@contextmanager
def plant(orders: Orders, database: Database, folder: Path, run: str) -> Iterator[Plant]:
    """A plant that judges frames. Stopping it is orderly: the service first, with its last verdicts still heard.

    Raises BrokerError or PoolError when something does not start.
    """
    pipelines = folder / "pipelines"
    pipelines.mkdir(parents=True, exist_ok=True)
    declaration = PIPELINE.format(line=LINE, product=PRODUCT, deadline_ms=orders.deadline_ms)
    (pipelines / f"{LINE}.yaml").write_text(declaration)
    with ExitStack() as stack:
        broker = stack.enter_context(KillableBroker(folder / "broker"))
        wire = stack.enter_context(Proxy(broker.port))
        client = stack.enter_context(LineClient(Broker(HOST, broker.port), Topics(), LINE, CAMERA, run))
        environment = _environment(orders, database.url, wire.port, folder)
        crew = stack.enter_context(Crew(environment, pipelines, folder / "service.log", orders.replicas))
        feed = Feed(client, run, orders.rate, orders.seed)
        stack.callback(feed.stop)
        feed.await_service(crew.check, START_S)
        yield Plant(broker, wire, database, crew, feed)


def _environment(orders: Orders, database: str, broker_port: int, folder: Path) -> Mapping[str, str]:
    """Where the service runs: nothing of it is the user's own plant, whatever their environment says."""
    settings = {
        "DATA": str(folder / "data"),
        "DATABASE_URL": database,
        "EVIDENCE_URL": "",
        "BROKER_HOST": HOST,
        "BROKER_PORT": str(broker_port),
        "BROKER_PROTOCOL": "5",
        "BROKER_USERNAME": "",
        "BROKER_TLS": "false",
        "TOPIC_ROOT": Topics().root,
        "SITE": "chaos",
        "STATIONS": "1",
        "REPLICAS": str(orders.replicas),
        "MODEL": str(orders.model),
        "CONSOLE_HOST": HOST,
        "CONSOLE_PORT": str(free_port(HOST, 0)),
    }
    return {f"INSPECTOR_{name}": value for name, value in settings.items()}
