"""A station with fakes around it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from support.fakes import MemoryEvidence, MemoryLedger, live_version
from support.line_fakes import MemoryAnswerJournal, MemoryPictureReader, MemoryPublisher, ScriptedPool, pipeline

from inspector.domain.pipeline import Pipeline
from inspector.messages.outgoing import ReportMessage, VerdictMessage
from inspector.messages.topics import Topics
from inspector.station.admission_queue import AdmissionQueue
from inspector.station.camera_monitor import CameraMonitor
from inspector.station.claim_fetcher import ClaimFetcher
from inspector.station.early_answers import EarlyAnswers
from inspector.station.event_log import EventLog
from inspector.station.examiner import Examiner
from inspector.station.failover import Failover
from inspector.station.gate_feedback import GateFeedback
from inspector.station.known_parts import KnownParts
from inspector.station.ledger_state import LedgerState
from inspector.station.outbox import Outbox
from inspector.station.recorder import Recorder
from inspector.station.safe_mode import SafeMode
from inspector.station.station import Station
from inspector.station.time_reserve import TimeReserve

TOPICS = Topics("plant/v1")


@dataclass
class Line:
    """A station with everything around it."""

    pictures: MemoryPictureReader = field(default_factory=MemoryPictureReader)
    pool: ScriptedPool = field(default_factory=ScriptedPool)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    evidence: MemoryEvidence = field(default_factory=MemoryEvidence)
    publisher: MemoryPublisher = field(default_factory=MemoryPublisher)
    journal: MemoryAnswerJournal = field(default_factory=MemoryAnswerJournal)
    margin_ms: float = 100.0
    passed_s: float = 0.0  # how far the clock of open triggers is ahead

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.ledger, self.publisher)
        self.events = EventLog(self.ledger, self.publisher, TOPICS)
        pool = Failover(AdmissionQueue(self.pool, self.events, 16), self.events)
        claims = ClaimFetcher(self.pictures, self.events)
        examiner = Examiner(self.pictures, pool, self.evidence, TimeReserve(self.margin_ms), claims)
        state = LedgerState(self.events)
        self.early = EarlyAnswers(self.journal, self.events)
        recorder = Recorder(self.ledger, self.outbox, self.events, TOPICS, state, self.early)
        safe_mode = SafeMode(examiner, recorder, state, self.events)
        self.gate = GateFeedback(self.ledger, self.events)
        self.cameras = CameraMonitor(self.ledger, self.events)
        clock = lambda: time.monotonic() + self.passed_s  # noqa: E731
        known = KnownParts(self.ledger, self.outbox, self.events, self.cameras, clock=clock)
        self.station = Station(examiner, recorder, safe_mode, known, self.events, self.cameras, self.gate)
        self.declare(pipeline())

    def declare(self, declared: Pipeline, version: int = 1) -> None:
        self.station.follow([live_version(declared, version, ())])

    def verdicts(self) -> list[VerdictMessage]:
        sent = [message for message in self.publisher.published if message.topic.endswith("/verdict")]
        return [VerdictMessage.model_validate_json(message.payload) for message in sent]

    def reports(self) -> list[ReportMessage]:
        sent = [message for message in self.publisher.published if message.topic.endswith("/report")]
        return [ReportMessage.model_validate_json(message.payload) for message in sent]

    async def settle(self) -> None:
        await self.outbox.flush(5)
