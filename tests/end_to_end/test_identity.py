"""The identity of parts on the wire: a real broker, a real station and a real ledger, over a restart."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.declarations import line_file
from support.fakes import live_version
from support.line_fakes import ScriptedPool
from support.mqtt_desk import Device
from support.paths import ROOT
from support.reported_events import until_reported
from support.topic_listener import TopicListener

from inspector.adapters.ledger import SqlArchive, upgrade
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import local_broker
from inspector.bootstrap.from_settings import absolute, broker_of
from inspector.bootstrap.station import open_station
from inspector.domain.declared import Disposition
from inspector.domain.part import PartState
from inspector.lab.chaos.database import LockableSqlite
from inspector.lab.synthetic import draw, encode
from inspector.lines.states import OverrideRequest
from inspector.messages.outgoing import VerdictMessage
from inspector.operations.line_states import line_states
from inspector.operations.service import apply_pipelines
from inspector.ports.archive import PartFilter
from inspector.settings import Settings

pytestmark = pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")
PASS, REVIEW = Disposition.PASS, Disposition.REVIEW
DEADLINE_S, OPEN_AFTER_S = 8.0, 0.5


class Gate(TopicListener):
    """Keeps the verdicts that the broker delivers."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "gate", "plant/v1/pcb/cam1/verdict")

    @property
    def verdicts(self) -> list[VerdictMessage]:
        return [VerdictMessage.model_validate_json(payload) for _, payload in self.messages]

    async def next(self, send: Callable[[], None]) -> VerdictMessage:
        """Return the verdict that follows what is sent."""
        count = len(self.verdicts)
        await asyncio.to_thread(send)
        async with asyncio.timeout(20):
            while len(self.verdicts) == count:
                await asyncio.sleep(0.02)
        return self.verdicts[count]


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "pcb.yaml").write_text(line_file(deadline_ms=round(DEADLINE_S * 1000.0)))
    with local_broker(tmp_path / "broker", prefer="mosquitto") as broker:
        here = absolute(Settings(data=tmp_path, broker_port=broker.port, site="identity", topic_root="plant/v1"))
        upgrade(here.database)
        apply_pipelines(here, tmp_path / "pipelines")
        with line_states(here) as states:
            [view] = states.views()
            judged_by = live_version(view.version.pipeline).status.rights[0].fingerprint
            states.go_live(view.line, "test", "drill", OverrideRequest({"cam1": judged_by}))
        yield here


async def until_confirmed(settings: Settings) -> None:
    """Wait until the ledger knows that the broker has every verdict."""
    archive = SqlArchive(settings.database)
    async with asyncio.timeout(20):
        while {row.part.state for row in archive.parts(PartFilter(), 20)} != {PartState.PUBLISHED}:
            await asyncio.sleep(0.05)
    archive.close()


async def test_trigger_names_one_part_at_a_time_over_a_restart(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.station.known_parts.OPEN_AFTER_GATE_S", OPEN_AFTER_S)
    pictures = [encode(draw("board", seed, size=160)) for seed in range(4)]
    pool, device, gate = ScriptedPool(), Device(broker_of(settings)), Gate(settings)

    def sending(number: int) -> Callable[[], None]:
        return lambda: device.say("pcb/cam1/frame", pictures[number], trigger_id="t-1", part_id="SN1")

    device.say_retained("pcb/cam1/frame", pictures[3], trigger_id="stored")
    station = await open_station(settings, pool, 0)
    await until_reported(settings, "RETAINED_FRAME")  # it is subscribed now
    first = await gate.next(sending(0))
    await until_confirmed(settings)
    again = await gate.next(sending(0))
    other = await gate.next(sending(1))
    await station.close()
    station = await open_station(settings, pool, 0)
    third = await gate.next(sending(2))
    assert [verdict.disposition for verdict in (first, again, other, third)] == [PASS, PASS, REVIEW, REVIEW]
    assert (again.result_id == first.result_id, len({first.result_id, other.result_id, third.result_id})) == (True, 3)
    await asyncio.sleep(DEADLINE_S + OPEN_AFTER_S)
    later = await gate.next(sending(3))
    late = await gate.next(sending(0))
    await station.close()
    assert (later.disposition, late.disposition, late.result_id) == (PASS, REVIEW, first.result_id)
    assert [job.key.trigger_id for job in pool.jobs] == ["t-1", "t-1"], "the copy is no part, and reuse is not judged"
    assert {verdict.trigger_id for verdict in gate.verdicts} == {"t-1"}
    await until_reported(settings, "TRIGGER_REUSED")
    device.stop()
    gate.stop()


STATION = """
import asyncio, sys
sys.path.insert(0, "tests")
from support.line_fakes import ScriptedPool
from inspector.bootstrap.station import open_station
from inspector.settings import Settings

async def main():
    await open_station(Settings.model_validate_json(sys.argv[1]), ScriptedPool(), 0)
    print("open", flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""


@pytest.fixture
def station_process(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """A station with room for two frames, in a process of its own. It reports a stored copy when it is subscribed."""
    here, device = settings.model_copy(update={"window": 2}), Device(broker_of(settings))
    device.say_retained("pcb/cam1/frame", b"stored", trigger_id="stored")
    device.stop()
    command = [sys.executable, "-c", STATION, here.model_dump_json()]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            yield process
        finally:
            process.kill()


async def test_station_killed_in_an_outage_of_the_ledger_decides_no_part_again(
    settings: Settings, station_process: subprocess.Popen[str]
) -> None:
    """Two frames fit into the window, four do not; none of them says when it was captured."""
    device, gate, pool = Device(broker_of(settings)), Gate(settings), ScriptedPool()
    pictures = [encode(draw("board", seed, size=160)) for seed in range(6)]
    await until_reported(settings, "RETAINED_FRAME")
    with LockableSqlite(settings.data / "inspector.db").away():
        for number, picture in enumerate(pictures):
            await asyncio.to_thread(device.say, "pcb/cam1/frame", picture, trigger_id=f"t-{number}")
        async with asyncio.timeout(60):
            while len({verdict.trigger_id for verdict in gate.verdicts}) < len(pictures):
                await asyncio.sleep(0.05)
        station_process.kill()
        station_process.wait()
    answered = {verdict.trigger_id: (verdict.result_id, verdict.disposition) for verdict in gate.verdicts}
    station = await open_station(settings, pool, 0)
    archive = SqlArchive(settings.database)
    async with asyncio.timeout(60):
        while len(rows := archive.parts(PartFilter(), 20)) < len(pictures):
            await asyncio.sleep(0.05)
    archive.close()
    assert {row.part.key.trigger_id: (row.part.result_id, row.part.decision.disposition) for row in rows} == answered
    assert {disposition for _, disposition in answered.values()} == {REVIEW}
    assert all(row.part.evidence is not None for row in rows)
    assert pool.jobs == []
    await station.close()
    assert list((settings.data / "answers").iterdir()) == []
    device.stop()
    gate.stop()
    assert {each.trigger_id: (each.result_id, each.disposition) for each in gate.verdicts} == answered
