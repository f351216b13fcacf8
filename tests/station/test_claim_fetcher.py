"""Slow roots of claim checks are refused, and delay nothing but their own pictures."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field

import pytest
from support.fakes import MemoryEvidence, MemoryLedger, live_version
from support.line_fakes import MemoryPictureReader, MemoryPublisher, ScriptedPool, frame, pipeline

from inspector.domain.frame import Claim, Frame, FrameKey
from inspector.errors import PictureError
from inspector.messages.topics import Topics
from inspector.station import claim_fetcher
from inspector.station.claim_fetcher import MAX_FETCHES_PER_ROOT, SLOW_FETCHES, ClaimFetcher
from inspector.station.deadlines import Deadline
from inspector.station.event_log import EventLog
from inspector.station.examiner import Examiner
from inspector.station.time_reserve import TimeReserve

KEY = FrameKey("pcb", "cam1", "t-1")
SLOW, FAST = Claim("http://slow/a.jpg", ""), Claim("http://fast/a.jpg", "")


@dataclass
class HangingRoot(MemoryPictureReader):
    """Hangs on the root http://slow until `may_go_on`, as a mount without a server does."""

    may_go_on: threading.Event = field(default_factory=threading.Event)

    def fetch(self, claim: Claim) -> bytes:
        if claim.url.startswith("http://slow"):
            self.may_go_on.wait()
        return b"picture"


def fetcher(pictures: HangingRoot) -> tuple[ClaimFetcher, MemoryPublisher, EventLog]:
    publisher = MemoryPublisher()
    events = EventLog(MemoryLedger(), publisher, Topics("plant/v1"))
    return ClaimFetcher(pictures, events), publisher, events


async def refusal(claims: ClaimFetcher, claim: Claim, left_s: float = 0.05) -> str:
    with pytest.raises(PictureError) as caught:
        await claims.fetch(claim, KEY, left_s)
    return str(caught.value)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> HangingRoot:
    monkeypatch.setattr(claim_fetcher, "SLOW_FETCH_S", 0.0)
    return HangingRoot()


async def test_a_root_that_hangs_is_refused_at_once_and_tried_again(
    hanging: HangingRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims, publisher, events = fetcher(hanging)
    for _ in range(SLOW_FETCHES):
        assert "could not be fetched in time" in await refusal(claims, SLOW)
    assert "too slowly" in await refusal(claims, SLOW, left_s=60.0)
    await events.flush()
    assert b"CLAIMS_SLOW" in publisher.announced[0][1]
    monkeypatch.setattr(claim_fetcher, "loop_time_s", lambda: time.monotonic() + 1e6)
    hanging.may_go_on.set()
    assert await claims.fetch(SLOW, KEY, 60.0) == b"picture"
    assert await claims.fetch(SLOW, KEY, 60.0) == b"picture"


async def test_a_root_holds_few_places_of_the_window(hanging: HangingRoot) -> None:
    claims, _, _ = fetcher(hanging)
    fetching = [asyncio.create_task(claims.fetch(SLOW, KEY, 60.0)) for _ in range(MAX_FETCHES_PER_ROOT)]
    await asyncio.sleep(0)
    assert "already being fetched" in await refusal(claims, SLOW, left_s=60.0)
    assert await claims.fetch(FAST, KEY, 60.0) == b"picture"
    hanging.may_go_on.set()
    assert await asyncio.gather(*fetching) == [b"picture"] * MAX_FETCHES_PER_ROOT


async def test_other_parts_are_judged_while_claims_hang(hanging: HangingRoot) -> None:
    claims, _, _ = fetcher(hanging)
    pool = ScriptedPool()
    examiner = Examiner(hanging, pool, MemoryEvidence(), TimeReserve(0.0), claims)
    due = Deadline(time.monotonic() + 60.0, 60_000.0)
    hung = [asyncio.create_task(examiner.fetch(claim_frame(n), due)) for n in range(50)]
    await asyncio.sleep(0)
    line = live_version(pipeline())
    await asyncio.gather(*(examiner.examine(frame(f"t-{n}"), line, due) for n in range(50)))
    assert len(pool.jobs) == 50
    assert sum(task.done() for task in hung) == 50 - MAX_FETCHES_PER_ROOT  # refused at once
    hanging.may_go_on.set()
    await asyncio.gather(*hung)


def claim_frame(number: int) -> Frame:
    return frame(f"c-{number}", payload=b"", claim=SLOW)
