"""A virtual line under test: a camera that publishes real drawn frames at a steady rate, and a gate that listens.

It stands beside the broker, so that what is cut is the service's wire and not its own. It repeats what a killed
broker had acknowledged and forgotten, as a gateway in front of such a broker must: see `broker.py`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Final

from inspector.adapters.mqtt.line_client import Exposure, Journey, LineClient
from inspector.domain.decision import Reason
from inspector.errors import PoolError
from inspector.lab.synthetic import draw, encode
from inspector.utc import utc_now

PRODUCT: Final = "washer"
PICTURES: Final = 24
TRY_S: Final = 1.0
POLL_S: Final = 0.1
ENOUGH: Final = 3  # sound verdicts: fewer may be a stroke of luck
MAKESHIFT: Final = frozenset({Reason.DEADLINE, Reason.MODEL_ERROR, Reason.OVERLOAD, Reason.SAFE_MODE})


class Feed:
    """Sends with a thread of its own from `start` to `stop`; trigger ids are `run` and a number."""

    def __init__(self, client: LineClient, run: str, rate: float, seed: int) -> None:
        self.repeated = 0
        self._client = client
        self._run = run
        self._rate = rate
        self._pictures = pictures(seed)
        self._sent = 0
        self._first = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send_steadily, name="camera", daemon=True)

    def await_service(self, check: Callable[[], None], limit_s: float) -> None:
        """Sends a frame now and then until one is answered soundly; these do not count. Raises PoolError when none is,
        and whatever `check` raises meanwhile."""
        end = time.monotonic() + limit_s
        while not any(map(is_sound, self._client.journeys())):
            if time.monotonic() > end:
                raise PoolError(f"no frame was judged within {limit_s:g} s of starting the service; see its log")
            check()
            self._send_next()
            time.sleep(TRY_S)
        self._first = self._sent

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Sends no more. Stopping twice is allowed."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def journeys(self) -> list[Journey]:
        """All frames that count, in the order they were sent."""
        return self._client.journeys()[self._first :]

    def has_recovered(self, since_s: float) -> bool:
        """Whether frames sent after this moment are judged again."""
        newest = takewhile(lambda journey: journey.sent_s > since_s, reversed(self.journeys()))
        return sum(map(is_sound, newest)) >= ENOUGH

    def repeat(self, until_s: float) -> None:
        """Sends again what was sent before this moment and is not answered yet, however long ago: a frame that waited,
        or was repeated, is forgotten as a fresh one is, and so is its verdict."""
        for journey in self.journeys():
            if journey.sent_s <= until_s and not journey.verdicts:
                self._client.send(replace(journey.exposure, payload=self._payload(journey.exposure.trigger_id)))
                self.repeated += 1

    def drain(self, patience_s: float) -> None:
        """Returns when every frame is answered, or nothing has come in for `patience_s`."""
        waiting, since = self._open(), time.monotonic()
        while waiting and time.monotonic() - since < patience_s:
            time.sleep(POLL_S)
            if (now_waiting := self._open()) != waiting:
                waiting, since = now_waiting, time.monotonic()

    def _open(self) -> int:
        return sum(not (journey.accepted and journey.verdicts) for journey in self.journeys())

    def _send_steadily(self) -> None:
        """Keeps the rate by the clock: a slow frame is followed by quick ones."""
        began, sent = time.monotonic(), 0
        while not self._stop.wait(max(0.0, began + sent / self._rate - time.monotonic())):
            self._send_next()
            sent += 1

    def _send_next(self) -> None:
        trigger_id = f"{self._run}-{self._sent}"
        exposure = Exposure(
            trigger_id, self._payload(trigger_id), seq=self._sent, product=PRODUCT, captured_at=utc_now()
        )
        self._sent += 1
        self._client.send(exposure)

    def _payload(self, trigger_id: str) -> bytes:
        number = int(trigger_id.rpartition("-")[2])
        return stamped(self._pictures[number % len(self._pictures)], trigger_id)


def pictures(seed: int) -> Sequence[bytes]:
    return [encode(draw(PRODUCT, seed + number)) for number in range(PICTURES)]


def stamped(jpeg: bytes, text: str) -> bytes:
    """The same picture with a comment of its own: a camera never takes the same bytes twice."""
    comment = text.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + jpeg[2:]


def is_sound(journey: Journey) -> bool:
    """Answered by a model, not by a fail-safe."""
    return any(verdict.reason not in MAKESHIFT for _, verdict in journey.verdicts)
