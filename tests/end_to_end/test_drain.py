"""A station that is stopped with parts in flight, and its successor: with a real broker and a real ledger."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fakes import live_version
from support.line_fakes import ScriptedPool

from inspector.adapters.ledger import SqlArchive, upgrade
from inspector.adapters.mqtt.line_client import Exposure, Journey
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import local_broker
from inspector.bootstrap.from_settings import absolute, broker_of
from inspector.bootstrap.station import open_station
from inspector.domain.declared import Disposition
from inspector.lab.synthetic import draw, encode
from inspector.lines.states import OverrideRequest
from inspector.messages.topics import Topics
from inspector.operations.line_states import line_states
from inspector.operations.replay import PublishedLine, run_lines
from inspector.operations.send_rate import FixedRate
from inspector.operations.service import apply_pipelines
from inspector.ports.archive import PartFilter
from inspector.settings import Settings

pytestmark = pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")
FRAMES = 150
PIPELINE = """\
line: pcb
cameras: [cam1]
product: part
question: Is there any defect on this part?
defects: {scratch: minor}
ladder:
  - {views: [direct]}
deadline_ms: 600000
"""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "pcb.yaml").write_text(PIPELINE)
    with local_broker(tmp_path / "broker", prefer="mosquitto") as broker:
        here = absolute(Settings(data=tmp_path, broker_port=broker.port, site="drain"))
        upgrade(here.database)
        apply_pipelines(here, tmp_path / "pipelines")
        set_live(here)
        yield here


def set_live(settings: Settings) -> None:
    """Let the line pass parts that the fake model judges."""
    with line_states(settings) as states:
        [view] = states.views()
        judged_by = live_version(view.version.pipeline).status.rights[0].fingerprint
        states.go_live(view.line, "test", "drill", OverrideRequest({"cam1": judged_by}))


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
