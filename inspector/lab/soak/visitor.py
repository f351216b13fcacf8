"""A person with the console open: holds the live stream, asks for a page now and then, and reviews a part.

What is asked goes through the API as a browser asks it. Answers are timed; refusals are counted by address.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import cycle
from typing import Any, Final

import httpx

API: Final = "api/v1"
PAUSE_S: Final = 2.0
TIMEOUT_S: Final = 30.0
PAGES: Final = (
    "parts",
    "parts?disposition=REJECT",
    "lines",
    "lines/{line}",
    "cameras",
    "events",
    "totals?minutes=15",
    "stats/yield?by=hour",
    "stats/pareto",
    "health",
    "parts/{part}",
    "parts/{part}/picture",
    "parts/{part}/thumbnail",
    "lines/{line}/scores",
    "audit",
)
REVIEW: Final = "parts/{part}/reviews"
GONE: Final = (httpx.codes.NOT_FOUND, httpx.codes.GONE)  # a part without a picture is an answer


class ConsoleVisitor:
    """Asks from a thread of its own within `visiting`."""

    def __init__(self, console: str, line: str) -> None:
        self.took_ms: list[float] = []
        self.refused: Counter[str] = Counter()
        self.stream_events = 0
        self._console = console
        self._line = line
        self._stop = threading.Event()

    @contextmanager
    def visiting(self) -> Iterator[None]:
        """Visit the console for the length of the block."""
        tasks = [threading.Thread(target=each, name="visitor", daemon=True) for each in (self._browse, self._listen)]
        for each in tasks:
            each.start()
        try:
            yield
        finally:
            self._stop.set()
            tasks[0].join(TIMEOUT_S)

    def _browse(self) -> None:
        with httpx.Client(base_url=self._console, timeout=TIMEOUT_S) as client:
            part = ""
            for page in cycle(PAGES):
                if self._stop.wait(PAUSE_S):
                    return
                if page == PAGES[0] or not part:
                    part = self._newest(client)
                    self._timed(REVIEW, part, partial(client.post, json=an_answer()))
                self._timed(page, part, client.get)

    def _newest(self, client: httpx.Client) -> str:
        with suppress(httpx.HTTPError, ValueError, LookupError):
            listed: list[dict[str, Any]] = client.get(f"{API}/parts", params={"line": self._line}).json()["parts"]
            return str(listed[0]["result_id"])
        return "none"

    def _timed(self, page: str, part: str, ask: Callable[[str], httpx.Response]) -> None:
        began = time.perf_counter()
        try:
            answer = ask(f"{API}/{page.format(line=self._line, part=part)}")
            is_answered = answer.is_success or answer.status_code in GONE
        except httpx.HTTPError:
            is_answered = False
        self.took_ms.append((time.perf_counter() - began) * 1000.0)
        self.refused[page] += not is_answered

    def _listen(self) -> None:
        """Hold the stream, and open it again when it ends."""
        while not self._stop.wait(PAUSE_S):
            with suppress(httpx.HTTPError), httpx.stream("GET", f"{self._console}{API}/stream", timeout=None) as stream:
                for row in stream.iter_lines():
                    self.stream_events += row.startswith("event: part")
                    if self._stop.is_set():
                        return


def an_answer() -> dict[str, str]:
    """Return a review as a tablet sends it."""
    return {"label": "OK", "review_id": uuid.uuid4().hex}
