"""A burst many times as fast as the database: memory stays bounded, and no frame is lost."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from support.fakes import MemoryEvidence, MemoryLedger, live_version
from support.line_fakes import MemoryAnswerJournal, MemoryPictureReader, MemoryPublisher, ScriptedPool, pipeline

from inspector.adapters.mqtt.connection import Broker, connect, new_client
from inspector.adapters.mqtt.intake import Intake
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import local_broker
from inspector.domain.part import PartRecord
from inspector.messages.topics import Topics
from inspector.ports.broker import OutgoingMessage
from inspector.ports.ledger import Recorded
from inspector.ports.pool import Job, PoolResult, SignListener, ignore_sign
from inspector.station.camera_monitor import CameraMonitor
from inspector.station.claim_fetcher import ClaimFetcher
from inspector.station.early_answers import EarlyAnswers
from inspector.station.event_log import EventLog
from inspector.station.examiner import Examiner
from inspector.station.gate_feedback import GateFeedback
from inspector.station.known_parts import KnownParts
from inspector.station.ledger_state import LedgerState
from inspector.station.outbox import Outbox
from inspector.station.recorder import Recorder
from inspector.station.safe_mode import SafeMode
from inspector.station.station import Station
from inspector.station.time_reserve import TimeReserve

TOPICS = Topics("plant/v1")
WINDOW = 8
FRAMES = 200
FRAME_BYTES = 200_000
COMMIT_S = 0.1
pytestmark = pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")


class SlowLedger(MemoryLedger):
    """Every commit takes COMMIT_S; those that wait share one, as group commits do."""

    def __init__(self) -> None:
        super().__init__()
        self.most_waiting = 0
        self._waiting = 0

    async def record(self, part: PartRecord, outgoing: Sequence[OutgoingMessage]) -> Recorded:
        self._waiting += 1
        self.most_waiting = max(self.most_waiting, self._waiting)
        await asyncio.sleep(COMMIT_S)
        self._waiting -= 1
        return await super().record(part, outgoing)


class ForgetfulPool(ScriptedPool):
    """Keeps no job: with it this test would measure the stand-in's own memory."""

    async def judge(self, job: Job, on_sign: SignListener = ignore_sign) -> PoolResult:
        self.jobs.clear()
        return await super().judge(job)


def station_on(ledger: MemoryLedger) -> Station:
    publisher = MemoryPublisher()
    outbox, events = Outbox(ledger, publisher), EventLog(ledger, publisher, TOPICS)
    pictures = MemoryPictureReader()
    claims = ClaimFetcher(pictures, events)
    examiner = Examiner(pictures, ForgetfulPool(), MemoryEvidence(), TimeReserve(60.0), claims)
    state = LedgerState(events)
    recorder = Recorder(ledger, outbox, events, TOPICS, state, EarlyAnswers(MemoryAnswerJournal(), events))
    safe_mode = SafeMode(examiner, recorder, state, events)
    cameras, gate = CameraMonitor(ledger, events), GateFeedback(ledger, events)
    known = KnownParts(ledger, outbox, events, cameras)
    station = Station(examiner, recorder, safe_mode, known, events, cameras, gate)
    station.follow([live_version(pipeline(deadline_ms=600_000), 1, ())])
    return station


def send_at_once(broker: Broker, payload: bytes) -> None:
    """As fast as the broker takes them, one after the other: the camera's own memory stays out of the measure."""
    camera = new_client(broker, "camera", persistent=False)
    connect(camera, broker, persistent=False)
    while not camera.is_connected():  # paho never confirms what it was given while it connects
        time.sleep(0.01)
    for number in range(FRAMES):
        told = Properties(PacketTypes.PUBLISH)
        told.UserProperty = [("trigger_id", f"t-{number}"), ("seq", str(number))]
        camera.publish("plant/v1/pcb/cam1/frame", payload, qos=1, properties=told).wait_for_publish(60)
    camera.disconnect()
    camera.loop_stop()


async def test_slow_database_and_a_burst_cost_no_more_memory_than_the_window(tmp_path: Path) -> None:
    ledger = SlowLedger()
    with local_broker(tmp_path, prefer="mosquitto") as running:
        broker = Broker(running.host, running.port)
        intake = Intake(broker, TOPICS, "burst", station_on(ledger), window=WINDOW, waiting_bytes=WINDOW * FRAME_BYTES)
        intake.start()
        tracemalloc.start()
        sending = asyncio.create_task(asyncio.to_thread(send_at_once, broker, bytes(FRAME_BYTES)))
        most_in_hand = 0
        while len(ledger.rows) < FRAMES:
            most_in_hand = max(most_in_hand, intake.in_hand)
            await asyncio.sleep(COMMIT_S / 10)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        await sending
        await intake.close()
    assert most_in_hand == ledger.most_waiting == WINDOW
    assert sorted(row.part.seq or 0 for row in ledger.rows) == list(range(FRAMES))
    assert peak_bytes < FRAMES * FRAME_BYTES / 4, (
        "a window of 8 and as many that wait, each held twice at most, and what records weigh"
    )
