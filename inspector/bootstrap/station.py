"""Builds a station out of settings. Runs inside the process that Ray Serve starts for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from inspector.adapters.camera import CameraPictureReader
from inspector.adapters.ledger import FileAnswerJournal, FileEvidence, SpooledEvidence, SqlLedger, SqlUnknownCameras
from inspector.adapters.mqtt.intake import Intake
from inspector.adapters.mqtt.publisher import MqttPublisher
from inspector.bootstrap.evidence import open_evidence, open_spooled_evidence
from inspector.bootstrap.from_settings import broker_of, card_of, log_process, parts_at_once, station_client_id
from inspector.bootstrap.malloc_limits import limit_kept_memory
from inspector.bootstrap.running_station import Lifecycle, RunningStation, Service, Step
from inspector.bootstrap.sign_of_work import SignOfWork
from inspector.bootstrap.traces import trace_process
from inspector.domain.decision import Reason
from inspector.messages.outgoing import VerdictMessage
from inspector.messages.topics import ReplyTopics, Topics
from inspector.messages.withdrawal import AMBIGUOUS_DETAIL
from inspector.ports.evidence import EvidenceStore
from inspector.ports.pool import ModelStatus, Pool, ReplicaPool
from inspector.settings import Settings
from inspector.station.admission_queue import AdmissionQueue
from inspector.station.camera_monitor import CameraMonitor
from inspector.station.claim_fetcher import ClaimFetcher
from inspector.station.early_answers import EarlyAnswers
from inspector.station.event_log import EventLog
from inspector.station.evidence_catch_up import EvidenceCatchUp
from inspector.station.examiner import Examiner
from inspector.station.failover import Failover
from inspector.station.gate_feedback import GateFeedback
from inspector.station.heartbeat import HeartbeatPublisher, Load
from inspector.station.hedging import HedgedPool
from inspector.station.judging_counter import JudgingCounter
from inspector.station.known_parts import KnownParts
from inspector.station.ledger_state import LedgerState
from inspector.station.minute_retention import MinuteRetention
from inspector.station.model_state import ModelState
from inspector.station.outbox import Outbox
from inspector.station.part_states import StateListener, ignore_state
from inspector.station.picture_retention import PictureRetention
from inspector.station.pipeline_updates import PipelineUpdates
from inspector.station.recorder import Recorder
from inspector.station.reject_guard import RejectGuard
from inspector.station.review_backlog import ReviewBacklog
from inspector.station.review_messages import ReviewMessages
from inspector.station.safe_mode import SafeMode
from inspector.station.shadow_decisions import ShadowDecisions
from inspector.station.state_publisher import StatePublisher
from inspector.station.station import Station
from inspector.station.time_reserve import TimeReserve
from inspector.station.unknown_pictures import UnknownPictures

# closing fits in the time that Serve gives it (adapters.serving.deployments.DRAIN_TIMEOUT_S)
INTAKE_CLOSE_TIMEOUT_S: Final = 8.0
REPORTS_TIMEOUT_S: Final = 2.0
OUTBOX_FLUSH_TIMEOUT_S: Final = 3.0


class Replicas(ReplicaPool, ModelStatus, Protocol):
    """The model replicas: they judge, and they know about the model's server."""


@dataclass(frozen=True, slots=True)
class Connections:
    """The station's connections: database, pictures, broker."""

    topics: Topics
    ledger: SqlLedger
    store: FileEvidence
    spooled: SpooledEvidence | None
    publisher: MqttPublisher

    @property
    def evidence(self) -> EvidenceStore:
        return self.spooled or self.store


@dataclass(frozen=True, slots=True)
class PoolChain:
    """The model replicas as the station uses them. `pool` is the outermost of the chain."""

    model: ModelState
    counter: JudgingCounter
    queue: AdmissionQueue
    pool: Pool


@dataclass(frozen=True, slots=True)
class Monitoring:
    """Events, cameras, gates, and changes of state."""

    states: StatePublisher
    notify: StateListener
    events: EventLog
    ledger_state: LedgerState
    cameras: CameraMonitor
    unknown: UnknownPictures
    gate: GateFeedback
    guard: RejectGuard


async def open_station(settings: Settings, pool: Replicas, number: int) -> RunningStation:
    """Start the station `number`, counted from 0.

    Each has an MQTT session of its own, with client ids that stay the same over restarts.
    """
    limit_kept_memory()
    log_process(settings, f"station-{number}")
    trace_process(settings, f"station-{number}")
    connections = await _connections(settings, number)
    monitoring = _monitoring(settings, connections)
    chain = _pool_chain(settings, pool, monitoring)
    reserve = TimeReserve(settings.margin_ms)
    outbox = _outbox(settings, connections, monitoring, reserve)
    early = EarlyAnswers(FileAnswerJournal(settings.data.absolute() / "answers", number), monitoring.events)
    station = _station(settings, connections, monitoring, chain.pool, reserve, outbox, early)
    intake = _intake(settings, connections, station, number)
    backlog = ReviewBacklog(connections.ledger, monitoring.events)
    by_line: list[Outbox | GateFeedback | ReviewBacklog] = [outbox, monitoring.gate, backlog]
    updates = _updates(settings, connections, monitoring, station, number, by_line, intake)
    heartbeat = _heartbeat(connections, monitoring, number, station, chain, outbox)

    async def open_intake() -> None:
        intake.start()

    lifecycle = Lifecycle(
        before=[connections.publisher.start, updates.refresh, monitoring.cameras.restore, station.restore],
        services=[
            *_services(connections, monitoring),
            ReviewMessages(connections.ledger, outbox),
            backlog,
            chain.model,
            station,
            outbox,
            updates,
            heartbeat,
            SignOfWork(settings.data.absolute() / "working", number, intake.check),
        ],
        after=[station.recover, open_intake],
        drain=_drain(intake, station, outbox),
        stop=[connections.publisher.close, connections.ledger.stop, early.close],
    )
    running = RunningStation(number, lifecycle, intake.check)
    await running.start()
    return running


def _drain(intake: Intake, station: Station, outbox: Outbox) -> list[Step]:
    """Return what ends the work in hand: no new frames, then the reports, then the messages."""
    return [
        partial(intake.close, INTAKE_CLOSE_TIMEOUT_S),
        partial(station.close, REPORTS_TIMEOUT_S),
        partial(outbox.flush, OUTBOX_FLUSH_TIMEOUT_S),
    ]


async def _connections(settings: Settings, number: int) -> Connections:
    topics, ledger = Topics(settings.topic_root), SqlLedger(settings.database)
    await ledger.start()
    publisher = MqttPublisher(broker_of(settings), topics, f"{station_client_id(settings, number)}-out", number)
    store = open_evidence(settings)
    return Connections(topics, ledger, store, open_spooled_evidence(settings, store), publisher)


def _monitoring(settings: Settings, connections: Connections) -> Monitoring:
    states = StatePublisher(connections.publisher, connections.topics)
    notify = states.notify if settings.part_states else ignore_state
    events = EventLog(connections.ledger, connections.publisher, connections.topics)
    cameras = CameraMonitor(connections.ledger, events, notify=notify)
    state = LedgerState(events)
    unknown = UnknownPictures(SqlUnknownCameras(settings.database, connections.store))
    gate = GateFeedback(connections.ledger, events, notify=notify)
    return Monitoring(states, notify, events, state, cameras, unknown, gate, RejectGuard(connections.ledger, events))


def _pool_chain(settings: Settings, replicas: Replicas, monitoring: Monitoring) -> PoolChain:
    """Chain, from the replicas outwards: ask another one where one is silent, watch the model's server, count what is
    being judged, admit by deadline, retry on another replica."""
    model = ModelState(HedgedPool(replicas, monitoring.events), replicas, monitoring.events)
    counter = JudgingCounter(model, monitoring.notify)
    queue = AdmissionQueue(counter, monitoring.events, parts_at_once(settings, card_of(settings)))
    return PoolChain(model, counter, queue, Failover(queue, monitoring.events))


def _outbox(settings: Settings, connections: Connections, monitoring: Monitoring, reserve: TimeReserve) -> Outbox:
    return Outbox(
        connections.ledger,
        connections.publisher,
        durations=reserve.publishing,
        notify=monitoring.states.notify_published if settings.part_states else ignore_state,
        on_withdrawn=partial(_report_withdrawn, monitoring.events),
    )


def _report_withdrawn(events: EventLog, verdict: VerdictMessage) -> None:
    why = "it was not published in time" if verdict.reason is Reason.DEADLINE else AMBIGUOUS_DETAIL
    text = f"{verdict.trigger_id}: no PASS, because {why}; the gate gets {verdict.disposition}"
    events.add("PASS_WITHDRAWN", text, line=verdict.line, camera=verdict.camera)


def _station(
    settings: Settings,
    connections: Connections,
    monitoring: Monitoring,
    pool: Pool,
    reserve: TimeReserve,
    outbox: Outbox,
    early: EarlyAnswers,
) -> Station:
    ledger, events, notify = connections.ledger, monitoring.events, monitoring.notify
    pictures = CameraPictureReader(settings.claims)
    examiner = Examiner(pictures, pool, connections.evidence, reserve, ClaimFetcher(pictures, events))
    state, topics = monitoring.ledger_state, connections.topics
    recorder = Recorder(ledger, outbox, events, topics, state, early, reserve=reserve, notify=notify)
    safe_mode = SafeMode(examiner, recorder, state, events)
    known = KnownParts(ledger, outbox, events, monitoring.cameras)
    return Station(
        examiner,
        recorder,
        safe_mode,
        known,
        events,
        monitoring.cameras,
        monitoring.gate,
        notify=notify,
        on_unknown=monitoring.unknown.add,
    )


def _intake(settings: Settings, connections: Connections, station: Station, number: int) -> Intake:
    lines: list[str] | None = None if settings.stations == 1 else []
    return Intake(
        broker_of(settings),
        connections.topics,
        station_client_id(settings, number),
        station,
        replies=ReplyTopics(connections.topics, settings.reply_roots),
        lines=lines,
        window=settings.window,
        receive_maximum=settings.receive_maximum,
        waiting_bytes=settings.waiting_mib * 2**20,
    )


def _updates(
    settings: Settings,
    connections: Connections,
    monitoring: Monitoring,
    station: Station,
    number: int,
    by_line: Sequence[Outbox | GateFeedback | ReviewBacklog],
    intake: Intake,
) -> PipelineUpdates:
    def share(lines: list[str]) -> None:
        for each in by_line:
            each.lines = lines

    on_lines = [share, intake.resubscribe]
    watching = monitoring.events, monitoring.guard
    return PipelineUpdates(connections.ledger, station, *watching, number, settings.stations, on_lines)


def _heartbeat(
    connections: Connections, monitoring: Monitoring, number: int, station: Station, chain: PoolChain, outbox: Outbox
) -> HeartbeatPublisher:
    def load() -> Load:
        away = monitoring.ledger_state.is_away
        frames = station.in_flight, chain.queue.waiting, chain.counter.judging, outbox.backlog
        return Load(*frames, away, chain.model.cause)

    topics = connections.topics
    return HeartbeatPublisher(connections.publisher, topics.of_station(topics.heartbeat, number), number, load)


def _services(connections: Connections, monitoring: Monitoring) -> list[Service]:
    retention = PictureRetention(connections.ledger, connections.evidence)
    drafts = ShadowDecisions(connections.ledger)
    watching: list[Service] = [monitoring.events, monitoring.cameras, monitoring.unknown, monitoring.gate]
    minutes = MinuteRetention(connections.ledger)
    spooled = connections.spooled
    catch_up = [] if spooled is None else [EvidenceCatchUp(spooled, monitoring.events)]
    return [*watching, *catch_up, monitoring.states, monitoring.guard, retention, minutes, drafts]
