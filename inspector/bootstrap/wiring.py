"""Who is connected to whom: builds stations, models and console out of settings.

The `open_*` functions run inside the processes that Ray Serve starts; everything heavy is imported there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING

from inspector.adapters.mqtt.connection import Broker
from inspector.config.loader import read_card
from inspector.domain.model_card import ModelCard
from inspector.errors import DeclarationError, Fault
from inspector.messages.topics import Topics
from inspector.ports.metrics import MetricsSource
from inspector.ports.pool import Pool
from inspector.settings import Settings
from inspector.station.time_reserve import WayHome

if TYPE_CHECKING:
    from pathlib import Path

    from inspector.adapters.console.server import RunningConsole
    from inspector.adapters.mqtt.heartbeats import Pulses
    from inspector.adapters.serving.deployments import ConsolePlan, ModelPlan, StationPlan
    from inspector.adapters.serving.replica import VisionModel
    from inspector.adapters.telemetry.exporter import Exporter
    from inspector.bootstrap.running_station import RunningStation


def broker_of(settings: Settings) -> Broker:
    """The broker that the settings name."""
    password = settings.broker_password.get_secret_value() if settings.broker_password else None
    return Broker(
        settings.broker_host,
        settings.broker_port,
        settings.broker_protocol,
        settings.broker_username,
        password,
        settings.broker_tls,
    )


def card_of(settings: Settings) -> ModelCard:
    """The model card that the settings name. Raises DeclarationError."""
    return card_at(settings.model)


def card_at(path: Path) -> ModelCard:
    """The model card in a file. Raises DeclarationError."""
    try:
        text = path.read_bytes()
    except OSError as error:
        remedy = "name a card with --model or INSPECTOR_MODEL, such as models/demo.yaml"
        raise DeclarationError([Fault(str(path), "file", error.strerror or str(error), remedy)]) from error
    return read_card(text, str(path))


async def open_station(settings: Settings, pool: Pool, number: int) -> RunningStation:
    """A running station: numbered from 0, one MQTT session each, with client ids that stay the same over restarts."""
    from inspector.adapters.camera import CameraPictureReader
    from inspector.adapters.ledger import FileEvidence, SqlLedger
    from inspector.adapters.mqtt.intake import Intake
    from inspector.adapters.mqtt.publisher import MqttPublisher
    from inspector.bootstrap.running_station import RunningStation
    from inspector.station.admission_queue import Anteroom
    from inspector.station.examiner import Examiner
    from inspector.station.failover import SecondTry
    from inspector.station.gate_feedback import Gate
    from inspector.station.monitor import Watch
    from inspector.station.outbox import Relay
    from inspector.station.part_states import nobody
    from inspector.station.picture_retention import Sweep
    from inspector.station.recorder import Recorder
    from inspector.station.state_publisher import Announcer, AttendedPool
    from inspector.station.station import Station

    _log_to_file(settings, f"station-{number}")
    topics, broker = Topics(settings.topic_root), broker_of(settings)
    name = f"{settings.site}-station-{number}"
    ledger = SqlLedger(settings.database)
    await ledger.start()
    publisher = MqttPublisher(broker, topics, f"{name}-out", number)
    evidence = FileEvidence(settings.evidence)
    announcer = Announcer(publisher, topics)
    tell = announcer.tell if settings.part_states else nobody
    attended = AttendedPool(pool, tell)
    watch = Watch(ledger, publisher, topics, tell=tell)
    published = announcer.tell_published if settings.part_states else nobody
    way_home = WayHome(settings.margin_ms)
    relay = Relay(ledger, publisher, ways=way_home.publishing, tell=published, withdrew=watch.note_withdrawn)
    anteroom = Anteroom(attended, watch, parts_at_once(settings, card_of(settings)))
    patient = SecondTry(anteroom, watch)
    examiner = Examiner(CameraPictureReader(settings.claims), patient, evidence, way_home)
    gate, sweep = Gate(ledger, watch, tell=tell), Sweep(ledger, evidence)
    recorder = Recorder(ledger, relay, watch, topics, ways=way_home.storing, tell=tell)
    station = Station(examiner, recorder, ledger, relay, watch, gate, tell=tell)
    lines: list[str] | None = None if settings.stations == 1 else []
    intake = Intake(broker, topics, name, station, lines=lines, window=settings.window)
    running = RunningStation(
        station,
        intake,
        publisher,
        relay,
        watch,
        gate,
        sweep,
        ledger,
        topics,
        anteroom,
        attended,
        announcer,
        number=number,
        stations=settings.stations,
    )
    await running.start()
    return running


def open_model(settings: Settings, threads: int) -> VisionModel:
    """A model replica: the engine that the card names, with pictures from the evidence store."""
    from inspector.adapters.ledger import FileEvidence
    from inspector.adapters.serving.replica import VisionModel
    from inspector.adapters.vlm import load

    _log_to_file(settings, f"model-{os.getpid()}")
    engine = load(card_of(settings), settings.model.parent, threads=threads)
    return VisionModel(engine, FileEvidence(settings.evidence), _health_check_picture())


def _health_check_picture() -> bytes:
    """The sound part that a replica is asked about to prove that it answers."""
    return resources.files("inspector.bootstrap").joinpath("assets", "health_check.jpg").read_bytes()


async def open_console(settings: Settings) -> RunningConsole:
    """The console on its own port, reading the ledger and the evidence."""
    from inspector.adapters.console.app import console_app
    from inspector.adapters.console.server import RunningConsole
    from inspector.adapters.ledger import FileEvidence, SqlArchive

    _log_to_file(settings, "console")
    archive, evidence = SqlArchive(settings.database), FileEvidence(settings.evidence)
    pulses = _pulses(settings)
    app = console_app(archive, evidence, topic_root=settings.topic_root, metrics=_exporter(archive, pulses))
    console = RunningConsole(app, settings.console_host, settings.console_port, pulses.stop)
    await console.start()
    return console


@contextmanager
def metrics_server(settings: Settings) -> Iterator[None]:
    """/metrics on a port of its own for the length of the block, where the settings name one."""
    if settings.metrics_port is None:
        yield
        return
    from inspector.adapters.ledger import SqlArchive
    from inspector.adapters.telemetry.exporter import served

    archive, pulses = SqlArchive(settings.database), _pulses(settings)
    try:
        with served(_exporter(archive, pulses), settings.console_host, settings.metrics_port):
            yield
    finally:
        pulses.stop()
        archive.close()


def _pulses(settings: Settings) -> Pulses:
    from inspector.adapters.mqtt.heartbeats import Pulses

    pulses = Pulses(broker_of(settings), Topics(settings.topic_root), settings.site)
    pulses.start()
    return pulses


def _exporter(books: MetricsSource, pulses: Pulses) -> Exporter:
    from inspector.adapters.telemetry.exporter import Exporter

    return Exporter(books, pulses.last)


def _log_to_file(settings: Settings, process: str) -> None:
    from inspector.adapters.telemetry.logs import log_to_file

    log_to_file(settings.logs, process, settings.log, settings.log_level)


def model_plan(settings: Settings, card: ModelCard) -> ModelPlan:
    """Replicas as the card says, unless the settings say otherwise; the machine's cores are shared out among them."""
    from inspector.adapters.serving.deployments import ModelPlan

    replicas = settings.replicas or card.replicas
    threads = settings.threads or max(1, (os.cpu_count() or 1) // replicas)
    # twice what all stations may hold must fit: a full replica makes Serve's router back off while others idle
    share = -(-2 * settings.stations * settings.window // replicas)
    return ModelPlan(
        open_model=partial(open_model, settings, threads),
        replicas=replicas,
        max_replicas=card.max_replicas,
        num_gpus=card.num_gpus,
        num_cpus=card.num_cpus if card.num_gpus else 0.0,
        max_ongoing_requests=max(card.max_ongoing_requests, share),
    )


def parts_at_once(settings: Settings, card: ModelCard) -> int:
    """One station's share of the parts that all replicas judge at once; the others wait in order of their deadlines."""
    replicas = max(settings.replicas or card.replicas, card.max_replicas or 0)
    return max(1, replicas * card.max_ongoing_requests // settings.stations)


def station_plan(settings: Settings) -> StationPlan:
    from inspector.adapters.serving.deployments import StationPlan

    return StationPlan(partial(open_station, settings), settings.stations)


def console_plan(settings: Settings) -> ConsolePlan:
    from inspector.adapters.serving.deployments import ConsolePlan

    return ConsolePlan(partial(open_console, settings))


def absolute(settings: Settings) -> Settings:
    """The same settings with paths that hold in any process."""
    return settings.model_copy(
        update={
            "data": settings.data.absolute(),
            "model": settings.model.absolute(),
            "database_url": settings.database,
            "evidence_url": settings.evidence,
        }
    )
