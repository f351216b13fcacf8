"""Fetches the pictures of claim checks without letting a slow server or a hanging mount delay other parts.

Each allowed root has threads of its own, a bounded number of fetches, and a breaker: a root that is repeatedly slow is
refused at once for a while.
"""

from __future__ import annotations

import asyncio
import math
from functools import partial
from typing import Final

from inspector.domain.frame import Claim, FrameKey
from inspector.errors import PictureError
from inspector.ports.camera import PictureReader
from inspector.station.event_log import EventLog
from inspector.station.loop_clock import loop_time_s
from inspector.station.worker_threads import WorkerThreads

THREADS_PER_ROOT: Final = 4
MAX_FETCHES_PER_ROOT: Final = 8  # running and waiting; each holds a place in the station's window
MAX_FETCH_S: Final = 8.0  # for one picture, however much time its part has
SLOW_FETCH_S: Final = 0.5  # a fetch given up after at least this long says something about its root
SLOW_FAULT_S: Final = 2.0  # an error that took this long is no answer
SLOW_FETCHES: Final = 3  # in a row, until the root is refused
REFUSED_S: Final = 10.0  # then one fetch tries again


class ClaimRoot:
    """One allowed root: its threads, its fetches, its breaker."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.threads = WorkerThreads("claims", THREADS_PER_ROOT)
        self._fetches = 0
        self._slow = 0
        self._refused_until_s = -math.inf

    def enter(self, now_s: float) -> None:
        """Add a fetch. Raises PictureError while the root is refused or has enough fetches."""
        is_slow = self._slow >= SLOW_FETCHES
        if now_s < self._refused_until_s or (is_slow and self._fetches):
            raise PictureError(f"pictures below {self.name} came too slowly; the next try is soon; check it")
        if self._fetches >= MAX_FETCHES_PER_ROOT:
            raise PictureError(f"{self._fetches} pictures are already being fetched from below {self.name}")
        self._fetches += 1

    def leave(self) -> None:
        self._fetches -= 1

    def add_answer(self) -> None:
        """Note that the root answered, with a picture or an error."""
        self._slow, self._refused_until_s = 0, -math.inf

    def add_slow(self, now_s: float) -> bool:
        """Note a fetch that was given up. Returns whether the root is refused from now on."""
        self._slow += 1
        if self._slow < SLOW_FETCHES or now_s < self._refused_until_s:
            return False
        self._refused_until_s = now_s + REFUSED_S
        return True


class ClaimFetcher:
    """The claim checks of one station. Belongs to one event loop."""

    def __init__(self, pictures: PictureReader, events: EventLog) -> None:
        self._pictures = pictures
        self._events = events
        self._roots: dict[str, ClaimRoot] = {}

    async def fetch(self, claim: Claim, key: FrameKey, left_s: float) -> bytes:
        """Return the picture. Raises PictureError if it does not come within `left_s`, at once if that is known."""
        name = self._pictures.root_of(claim)
        root = self._roots.setdefault(name, ClaimRoot(name))
        began_s = loop_time_s()
        root.enter(began_s)
        try:
            async with asyncio.timeout(max(0.0, min(left_s, MAX_FETCH_S))):
                data = await root.threads.run(partial(self._pictures.fetch, claim))
        except TimeoutError as error:
            self._learn(root, key, slow=loop_time_s() - began_s >= SLOW_FETCH_S)
            raise PictureError(f"{claim.url} could not be fetched in time") from error
        except PictureError:
            self._learn(root, key, slow=loop_time_s() - began_s >= SLOW_FAULT_S)
            raise
        finally:
            root.leave()
        root.add_answer()
        return data

    def _learn(self, root: ClaimRoot, key: FrameKey, *, slow: bool) -> None:
        """Note a fetch that failed. One that was slow may close its root for a while."""
        if not slow:
            root.add_answer()
            return
        if not root.add_slow(loop_time_s()):
            return
        text = f"{SLOW_FETCHES} pictures in a row from below {root.name} came too slowly; {REFUSED_S:g} s without it"
        self._events.add("CLAIMS_SLOW", text, line=key.line, camera=key.camera)
