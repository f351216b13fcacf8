"""What a station keeps of its parts: once its bounded memories are full, nothing (`make proof`).

Broker, ledger and pictures are real. The model answers at once, so that minutes are as good as hours.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Event
from typing import Final

import pytest
from support.line_fakes import ScriptedPool
from support.local_station import local_station

from inspector.adapters.mqtt.line_client import Exposure, LineClient
from inspector.adapters.mqtt.local import mosquitto
from inspector.bootstrap.from_settings import broker_of
from inspector.bootstrap.station import open_station
from inspector.lab.chaos.load_generator import with_comment
from inspector.lab.synthetic import draw, encode
from inspector.messages.topics import Topics
from inspector.ports.pool import Job, PoolResult, SignListener, ignore_sign
from inspector.settings import Settings
from inspector.station.known_parts import REMEMBERED_PARTS

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed"),
    pytest.mark.timeout(3600),
]
FULL: Final = REMEMBERED_PARTS + 2_000  # parts after which every memory is full
FURTHER: Final = int(os.environ.get("STATION_MEMORY_PARTS", "12000"))
OPEN_PARTS: Final = 50
REST_S: Final = 20.0  # after which no trigger is open: deadline and OPEN_AFTER_GATE_S
ANSWER_S: Final = 3.0  # for the last parts to be stored and published
MAX_BLOCKS_A_PART: Final = 0.5  # what is kept of a part is one block at least


@dataclass
class CountingPool(ScriptedPool):
    """Counts its jobs and keeps none."""

    judged: int = 0

    async def judge(self, job: Job, on_sign: SignListener = ignore_sign) -> PoolResult:
        self.judged += 1
        result = await super().judge(job, on_sign)
        self.jobs.clear()
        return result


def send(settings: Settings, may_send: Event, stop: Event) -> None:
    """Send different frames while that is permitted, with few of them open."""
    pictures = [encode(draw("board", seed, size=160)) for seed in range(8)]
    with LineClient(broker_of(settings), Topics(), "pcb", "cam1", "memory") as client:
        open_parts, numbers = 0, count()
        while not stop.is_set():
            open_parts -= len(client.take_answered())
            if open_parts >= OPEN_PARTS or not may_send.is_set():
                time.sleep(0.005)
                continue
            trigger_id = f"t-{next(numbers)}"
            client.send(Exposure(trigger_id, with_comment(pictures[hash(trigger_id) % 8], trigger_id)))
            open_parts += 1


async def blocks_after(parts: int, pool: CountingPool, may_send: Event) -> int:
    """Return how many blocks Python holds after so many parts, at rest."""
    await judge_until(parts, pool, may_send)
    await asyncio.sleep(REST_S)
    await judge_until(pool.judged + 1, pool, may_send)  # triggers that are closed by now are forgotten by the next one
    await asyncio.sleep(ANSWER_S)
    gc.collect()
    return sys.getallocatedblocks()


async def judge_until(parts: int, pool: CountingPool, may_send: Event) -> None:
    may_send.set()
    while pool.judged < parts:
        await asyncio.sleep(0.05)
    may_send.clear()


async def test_station_keeps_nothing_of_a_part_once_its_memories_are_full(tmp_path: Path) -> None:
    pool, may_send, stop = CountingPool(), Event(), Event()
    with local_station(tmp_path, deadline_ms=5_000) as settings:
        station = await open_station(settings, pool, 0)
        sending = asyncio.create_task(asyncio.to_thread(send, settings, may_send, stop))
        full = await blocks_after(FULL, pool, may_send)
        later = await blocks_after(FULL + FURTHER, pool, may_send)
        stop.set()
        await sending
        await station.close()
    print({"blocks": full, "later": later, "a_part": round((later - full) / FURTHER, 4)})
    assert later - full < MAX_BLOCKS_A_PART * FURTHER
