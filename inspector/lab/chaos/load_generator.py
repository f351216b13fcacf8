"""The virtual line of a chaos run: a camera that publishes synthetic frames at a steady rate, and a gate that listens.

It connects to the broker directly, so that a network fault cuts off the service and not the line. After a broker kill
it repeats unanswered frames, as a gateway in front of such a broker must (`broker.py`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from itertools import takewhile
from typing import Final

from inspector.adapters.mqtt.line_client import Exposure, Journey, LineClient
from inspector.domain.decision import Reason
from inspector.errors import PoolError
from inspector.lab.chaos.frame_numbers import FrameNumbers
from inspector.lab.synthetic import draw, encode
from inspector.utc import utc_now

PRODUCT: Final = "washer"
DISTINCT_FRAMES: Final = 24
FIRST_VERDICT_TIMEOUT_S: Final = 1.0
VERDICT_POLL_S: Final = 0.1
MIN_JUDGED_VERDICTS: Final = 3  # verdicts of a model that count as recovered; fewer may be chance
FAIL_SAFE_REASONS: Final = frozenset({Reason.DEADLINE, Reason.MODEL_ERROR, Reason.OVERLOAD, Reason.SAFE_MODE})


class LoadGenerator:
    """Publishes frames from a thread of its own between `start` and `stop`. A trigger_id is `run` and a number."""

    def __init__(self, client: LineClient, run: str, rate: float, seed: int) -> None:
        self.repeated = 0
        self._client = client
        self._run = run
        self._rate = rate
        self._pictures = washer_frames(seed)
        self._numbers = FrameNumbers()
        self._sent = 0
        self._first = 0
        self._uncounted = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send_steadily, name="camera", daemon=True)

    def await_service(self, check: Callable[[], None], limit_s: float, is_ready: Callable[[Journey], bool]) -> None:
        """Send one frame at a time until the answer to one is as wanted. These frames are not counted.

        Raises PoolError when none is within `limit_s`, and whatever `check` raises meanwhile.
        """
        end = time.monotonic() + limit_s
        while not any(map(is_ready, self._client.journeys())):
            if time.monotonic() > end:
                raise PoolError(f"no frame was judged within {limit_s:g} s of starting the service; see its log")
            check()
            self._send_next()
            time.sleep(FIRST_VERDICT_TIMEOUT_S)
        self.count_from(self._sent)

    def count_from(self, number: int) -> None:
        """Count the frames from this number on; the others are those that the service was awaited with."""
        self._first = self._uncounted = number

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop sending. Stopping twice is allowed."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def journeys(self) -> list[Journey]:
        """Return all counted frames in the order they were sent."""
        return self._client.journeys()[self._uncounted :]

    def take_answered(self) -> list[Journey]:
        """Return the counted frames that are answered, and forget them: `journeys` has them no more."""
        taken = self._client.take_answered()
        uncounted = sum(number_of(journey.exposure.trigger_id) < self._first for journey in taken)
        self._uncounted -= uncounted
        return taken[uncounted:]

    def has_recovered(self, since_s: float) -> bool:
        """Return whether a model judged frames that were sent after this moment."""
        newest = takewhile(lambda journey: journey.sent_s > since_s, reversed(self.journeys()))
        return sum(map(is_judged, newest)) >= MIN_JUDGED_VERDICTS

    def restart_counter(self) -> None:
        """Let the camera count from the start again, and lose some numbers."""
        self._numbers.restart()

    @property
    def numbers_lost(self) -> int:
        """How many numbers no frame was sent for."""
        return self._numbers.lost

    def repeat(self, until_s: float, taken: Set[str]) -> None:
        """Send every frame again that was sent before `until_s` and is still unanswered, but none of `taken`.

        A broker forgets queued and repeated frames like fresh ones, and verdicts too, so the age of a frame does not
        matter. A taken frame was acknowledged: no gateway has it any more.
        """
        for journey in self.journeys():
            is_taken = journey.exposure.trigger_id in taken
            if journey.sent_s <= until_s and not journey.verdicts and not is_taken:
                self._client.send(replace(journey.exposure, payload=self._payload(journey.exposure.trigger_id)))
                self.repeated += 1

    def drain(self, patience_s: float) -> None:
        """Wait until every frame is answered, or until nothing has arrived for `patience_s`."""
        waiting, since = self._open(), time.monotonic()
        while waiting and time.monotonic() - since < patience_s:
            time.sleep(VERDICT_POLL_S)
            if (now_waiting := self._open()) != waiting:
                waiting, since = now_waiting, time.monotonic()

    def _open(self) -> int:
        return sum(not (journey.accepted and journey.verdicts) for journey in self.journeys())

    def _send_steadily(self) -> None:
        """Keep the rate by the clock: after a slow frame the next ones follow faster."""
        began, sent = time.monotonic(), 0
        while not self._stop.wait(max(0.0, began + sent / self._rate - time.monotonic())):
            self._send_next()
            sent += 1

    def _send_next(self) -> None:
        trigger_id = f"{self._run}-{self._sent}"
        exposure = Exposure(
            trigger_id, self._payload(trigger_id), seq=self._numbers.take(), product=PRODUCT, captured_at=utc_now()
        )
        self._sent += 1
        self._client.send(exposure)

    def _payload(self, trigger_id: str) -> bytes:
        return with_comment(self._pictures[number_of(trigger_id) % len(self._pictures)], trigger_id)


def number_of(trigger_id: str) -> int:
    return int(trigger_id.rpartition("-")[2])


def washer_frames(seed: int) -> Sequence[bytes]:
    return [encode(draw(PRODUCT, seed + number)) for number in range(DISTINCT_FRAMES)]


def with_comment(jpeg: bytes, text: str) -> bytes:
    """Return the same picture with another JPEG comment: a camera never sends the same bytes twice."""
    comment = text.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + jpeg[2:]


def is_judged(journey: Journey) -> bool:
    """Return whether a model answered, not a fail-safe."""
    return any(verdict.reason not in FAIL_SAFE_REASONS for _, verdict in journey.verdicts)


def is_qualified(journey: Journey) -> bool:
    """Return whether a model answered for a line that may pass parts."""
    return is_judged(journey) and all(verdict.reason is not Reason.UNQUALIFIED for _, verdict in journey.verdicts)
