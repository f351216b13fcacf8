"""Alarms to a webhook: each once, in order, over outages and restarts, and no event about the webhook itself."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.fakes import NOON, MemoryLedger

from inspector.adapters.webhook.alarms import LONGEST_PAUSE_S, PAGE, POLL_S, AlarmLedger, WebhookAlarms
from inspector.adapters.webhook.position import LATE_EVENTS, PositionFile, SentEvents
from inspector.adapters.webhook.receiver import Delivery, WebhookAnswer
from inspector.ports.archive import EventFilter, EventRow
from inspector.ports.ledger import Event

DELIVERED = WebhookAnswer(Delivery.DELIVERED)
AWAY, REFUSED = WebhookAnswer(Delivery.AWAY, "plant answers 503"), WebhookAnswer(Delivery.REFUSED, "plant answers 404")


@dataclass
class Receiver:
    answer: WebhookAnswer = DELIVERED
    got: list[str] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)

    def post(self, event: Event) -> WebhookAnswer:
        if self.answer is DELIVERED:
            self.got.append(event.event_id)
            self.arrived.set()
        return self.answer


class Plant:
    """A ledger in memory, a receiver, and a sender that can be started again."""

    def __init__(self, folder: Path) -> None:
        self.ledger, self.receiver, self.folder = MemoryLedger(), Receiver(), folder
        self.now = NOON
        self.restart()

    def restart(self, severity: str = "ALARM") -> None:
        books = AlarmLedger(self.ledger, self, PositionFile(self.folder / "webhook.json"))
        self.alarms = WebhookAlarms(books, self.receiver, severity, self.clock)

    def clock(self) -> datetime:
        return self.now

    def add_event(self, event: Event) -> None:
        self.ledger.events.append(event)

    def happen(self, name: str, severity: str = "ALARM", kind: str = "FRAMES_LOST") -> None:
        self.add_event(Event(name, "pcb", "cam1", kind, severity, "text", self.now))

    def own(self) -> list[str]:
        return [event.kind for event in self.ledger.events if event.kind.startswith("WEBHOOK")]


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


def test_what_happened_before_the_first_start_is_not_sent(plant: Plant) -> None:
    plant.happen("old")
    assert plant.alarms.step() == POLL_S
    plant.happen("new")
    plant.alarms.step()
    plant.alarms.step()
    assert plant.receiver.got == ["new"]


@pytest.mark.parametrize(("least", "sent"), [("ALARM", ["a"]), ("WARNING", ["w", "a"]), ("INFO", ["i", "w", "a"])])
def test_least_severity_decides(plant: Plant, least: str, sent: list[str]) -> None:
    plant.restart(least)
    plant.alarms.step()
    for name, severity in (("i", "INFO"), ("w", "WARNING"), ("a", "ALARM")):
        plant.happen(name, severity)
    plant.alarms.step()
    assert plant.receiver.got == sent


def test_alarms_of_an_outage_arrive_in_order_once_the_receiver_is_back(plant: Plant) -> None:
    plant.alarms.step()
    plant.receiver.answer = AWAY
    for name in ("first", "second"):
        plant.happen(name)
    pauses = [plant.alarms.step() for _ in range(10)]
    assert pauses == [1, 2, 4, 8, 16, 32, *[LONGEST_PAUSE_S] * 4]
    assert plant.own() == ["WEBHOOK_FAILED"], "an outage is one event, however long it lasts"
    plant.restart()
    plant.receiver.answer = DELIVERED
    plant.alarms.step()
    assert plant.receiver.got == ["first", "second"]


def test_return_is_reported_and_no_event_about_the_webhook_is_sent(plant: Plant) -> None:
    plant.restart("INFO")
    plant.alarms.step()
    plant.receiver.answer = AWAY
    plant.happen("first")
    for _ in range(5):
        plant.alarms.step()
    plant.receiver.answer = DELIVERED
    for _ in range(3):
        plant.alarms.step()
    assert plant.own() == ["WEBHOOK_FAILED", "WEBHOOK_BACK"]
    assert plant.receiver.got == ["first"]


def test_refused_alarm_is_reported_and_the_next_one_is_sent(plant: Plant) -> None:
    plant.alarms.step()
    plant.receiver.answer = REFUSED
    plant.happen("first")
    plant.alarms.step()
    plant.receiver.answer = DELIVERED
    plant.happen("second")
    plant.alarms.step()
    assert plant.receiver.got == ["second"]
    [event] = [each for each in plant.ledger.events if each.kind == "WEBHOOK_FAILED"]
    assert event.text == "plant answers 404; FRAMES_LOST of pcb is not delivered"


def test_alarm_older_than_a_day_is_given_up(plant: Plant) -> None:
    plant.alarms.step()
    plant.happen("old")
    plant.receiver.answer = AWAY
    for _ in range(4):
        plant.alarms.step()
    plant.now += timedelta(hours=25)
    plant.alarms.step()
    plant.receiver.answer = DELIVERED
    plant.happen("new")
    plant.alarms.step()
    assert plant.receiver.got == ["new"]
    assert "1 alarm(s) older than a day were given up" in plant.ledger.events[-1].text


def test_alarm_that_another_station_commits_late_is_sent_once(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant.alarms.step()
    for name in ("late", "early"):
        plant.happen(name)
    whole = plant.ledger.event_page

    def without_late(wanted: EventFilter, limit: int) -> list[EventRow]:
        return [row for row in whole(wanted, limit) if row.event.event_id != "late"]

    monkeypatch.setattr(plant.ledger, "event_page", without_late)
    plant.alarms.step()
    monkeypatch.undo()
    for _ in range(2):
        plant.alarms.step()
    assert plant.receiver.got == ["early", "late"]


def test_many_waiting_alarms_are_sent_page_by_page(plant: Plant) -> None:
    plant.alarms.step()
    for number in range(2 * PAGE):
        plant.happen(f"e{number}")
    while plant.alarms.step() == 0.0:
        pass
    assert plant.receiver.got == [f"e{number}" for number in range(2 * PAGE)]


def test_ledger_that_is_away_stops_nothing(plant: Plant) -> None:
    plant.alarms.step()
    plant.happen("first")
    plant.ledger.away = True
    assert plant.alarms.step() == LONGEST_PAUSE_S
    plant.ledger.away = False
    plant.alarms.step()
    assert plant.receiver.got == ["first"]


def test_position_survives_and_a_broken_file_starts_at_now(tmp_path: Path) -> None:
    file = PositionFile(tmp_path / "webhook.json")
    assert file.read() is None
    sent = SentEvents.until(300).adding(302)
    file.write(sent)
    assert file.read() == sent
    assert sent.after == 302 - LATE_EVENTS
    assert 301 not in sent.handled
    for text in ("", "{}", '{"newest": -1, "handled": []}', "[" * 10_000):
        (tmp_path / "webhook.json").write_text(text)
        assert file.read() is None


def test_thread_sends_until_it_is_stopped(plant: Plant) -> None:
    plant.alarms.step()
    plant.happen("first")
    plant.alarms.start()
    assert plant.receiver.arrived.wait(20.0)
    plant.alarms.stop()
    assert plant.receiver.got == ["first"]
