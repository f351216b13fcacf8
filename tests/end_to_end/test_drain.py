"""A station that is stopped with parts in flight, and its successor: with a real broker and a real ledger."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.line_fakes import ScriptedPool
from support.local_station import local_station

from inspector.adapters.ledger import SqlArchive
from inspector.adapters.mqtt.line_client import Exposure, Journey
from inspector.adapters.mqtt.local import mosquitto
from inspector.bootstrap.from_settings import broker_of
from inspector.bootstrap.station import open_station
from inspector.domain.declared import Disposition
from inspector.lab.synthetic import draw, encode
from inspector.messages.topics import Topics
from inspector.operations.replay import PublishedLine, run_lines
from inspector.operations.send_rate import FixedRate
from inspector.ports.archive import PartFilter
from inspector.settings import Settings

pytestmark = pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")
FRAMES = 150


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    with local_station(tmp_path) as settings:
        yield settings


def exposures() -> Iterator[Exposure]:
    payloads = [encode(draw("board", seed, size=160)) for seed in range(4)]
    for number in range(FRAMES):
        yield Exposure(f"t-{number}", payloads[number % len(payloads)], seq=number)


def send(settings: Settings) -> list[Journey]:
    return run_lines(
        broker_of(settings),
        Topics(),
        [PublishedLine("pcb", "cam1", exposures())],
        FixedRate(60.0),
        "drain",
        timeout_s=60,
    )


async def test_stopped_station_finishes_its_parts_and_the_next_one_judges_none_again(settings: Settings) -> None:
    pool = ScriptedPool(delay_s=0.2)
    first = await open_station(settings, pool, 0)
    sending = asyncio.create_task(asyncio.to_thread(send, settings))
    async with asyncio.timeout(60):
        while len(pool.jobs) < 20:
            await asyncio.sleep(0.01)
    await first.close()
    begun = len(pool.jobs)
    second = await open_station(settings, pool, 0)
    journeys = await sending
    await second.close()
    assert begun < FRAMES
    assert Counter(job.key.trigger_id for job in pool.jobs).most_common(1)[0][1] == 1
    assert [[verdict.disposition for _, verdict in journey.verdicts] for journey in journeys] == [
        [Disposition.PASS]
    ] * FRAMES
    assert len(SqlArchive(settings.database).parts(PartFilter(), 2 * FRAMES)) == FRAMES
