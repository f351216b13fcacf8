"""Sends alarms from the ledger to a webhook, one after the other, apart from everything that judges parts.

The ledger is the queue: memory holds one page of events, whatever the receiver does. A receiver that is away is asked
again, later each time. What could not be delivered is an event of its own, and events about the webhook are never sent.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from inspector.adapters.webhook.position import PositionFile, SentEvents
from inspector.adapters.webhook.receiver import Delivery, WebhookAnswer
from inspector.errors import LedgerError
from inspector.messages.outgoing import EventSeverity
from inspector.ports.archive import EventFilter, EventRow
from inspector.ports.ledger import Event
from inspector.runtime.background_steps import BackgroundSteps
from inspector.utc import utc_now

log = logging.getLogger(__name__)

POLL_S: Final = 1.0
PAGE: Final = 500  # events read at a time: more than may be late
FIRST_PAUSE_S: Final = 1.0  # before an event is sent again; doubled each time
LONGEST_PAUSE_S: Final = 60.0
REPORTED_AFTER: Final = 4  # failures in a row
MAX_AGE: Final = timedelta(hours=24)  # an older alarm is not sent any more
OWN_KINDS: Final = ("WEBHOOK_FAILED", "WEBHOOK_BACK")
SEVERITIES: Final = (EventSeverity.INFO, EventSeverity.WARNING, EventSeverity.ALARM)  # mildest first
NO_LINE: Final = "service"


class StoredEvents(Protocol):
    """Stored events. Raises LedgerError."""

    def event_page(self, wanted: EventFilter, limit: int) -> Sequence[EventRow]: ...


class EventSink(Protocol):
    """Stores an event. Raises LedgerError."""

    def add_event(self, event: Event) -> None: ...


class Receiver(Protocol):
    """The receiver of alarms."""

    def post(self, event: Event) -> WebhookAnswer: ...


@dataclass(frozen=True, slots=True)
class AlarmLedger:
    """Where events come from, where events about the webhook go, and how far they were sent."""

    source: StoredEvents
    sink: EventSink
    position: PositionFile


class WebhookAlarms:
    """A thread that sends events of at least this severity, from `start` to `stop`."""

    def __init__(
        self, ledger: AlarmLedger, receiver: Receiver, severity: str, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._ledger = ledger
        self._receiver = receiver
        self._severities = SEVERITIES[SEVERITIES.index(severity) :]
        self._now = now
        self._sent: SentEvents | None = None
        self._failures = 0
        self._given_up = 0
        self._steps = BackgroundSteps(self.step, "webhook")

    def start(self) -> None:
        self._steps.start()

    def stop(self) -> None:
        """End the thread behind its current request. What is not sent is sent after the next start."""
        self._steps.stop()

    def step(self) -> float:
        """Send what waits, and return the seconds until the next step."""
        try:
            return self._step()
        except (LedgerError, OSError) as error:
            log.warning("alarms are not sent now: %s", error)
            return LONGEST_PAUSE_S

    def _step(self) -> float:
        sent = self._sent or self._ledger.position.read() or self._begin()
        self._sent = sent
        page = self._ledger.source.event_page(EventFilter(after=sent.after), PAGE)
        for row in reversed(page):
            if row.number in sent.handled:
                continue
            if not self._is_done(row.event):
                return min(FIRST_PAUSE_S * 2.0 ** (self._failures - 1), LONGEST_PAUSE_S)
            sent = self._sent = sent.adding(row.number)
            self._ledger.position.write(sent)
            if self._steps.is_stopping:
                break
        return 0.0 if len(page) == PAGE else POLL_S

    def _begin(self) -> SentEvents:
        """Return the position of a service that never sent anything: what happened before is not sent."""
        newest = self._ledger.source.event_page(EventFilter(), 1)
        sent = SentEvents.until(newest[0].number if newest else 0)
        self._ledger.position.write(sent)
        return sent

    def _is_done(self, event: Event) -> bool:
        """Send the event, if it is one to send. Returns False where it has to be sent again."""
        if event.severity not in self._severities or event.kind in OWN_KINDS:
            return True
        answer = self._receiver.post(event)
        match answer.delivery:
            case Delivery.DELIVERED:
                self._note_back()
                return True
            case Delivery.REFUSED:
                self._report("WEBHOOK_FAILED", f"{answer.text}; {event.kind} of {event.line} is not delivered")
                return True
            case Delivery.AWAY:
                return self._is_given_up(event, answer)

    def _is_given_up(self, event: Event, answer: WebhookAnswer) -> bool:
        self._failures += 1
        if self._failures == REPORTED_AFTER:
            self._report("WEBHOOK_FAILED", f"{answer.text}; alarms wait, the oldest is {event.kind} of {event.line}")
        if self._now() - event.at <= MAX_AGE:
            return False
        self._given_up += 1
        log.warning("alarm %s of %s is older than a day and is not sent any more", event.kind, event.line)
        return True

    def _note_back(self) -> None:
        """Report that the receiver is back, where its absence was reported."""
        failures, given_up, self._failures, self._given_up = self._failures, self._given_up, 0, 0
        if failures >= REPORTED_AFTER:
            lost = f"; {given_up} alarm(s) older than a day were given up" if given_up else ""
            self._report("WEBHOOK_BACK", f"the receiver of alarms answers again{lost}", EventSeverity.INFO)

    def _report(self, kind: str, text: str, severity: str = EventSeverity.WARNING) -> None:
        event = Event(uuid.uuid4().hex, NO_LINE, None, kind, severity, text, self._now())
        log.warning("%s: %s", kind, text)
        self._ledger.sink.add_event(event)
