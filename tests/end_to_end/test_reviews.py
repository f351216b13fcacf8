"""People's dispositions on the wire: reviewed by one process, published by the station's, over a restart."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.declarations import line_file
from support.line_fakes import ScriptedPool
from support.mqtt_desk import Device
from support.reported_events import until_reported
from support.reviews import NG, OK, UNSURE, a_review
from support.topic_listener import TopicListener

from inspector.adapters.ledger import SqlReviewStore, upgrade
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import local_broker
from inspector.bootstrap.from_settings import absolute, broker_of
from inspector.bootstrap.station import open_station
from inspector.domain.review import Review
from inspector.lab.synthetic import draw, encode
from inspector.messages.topics import Topics
from inspector.operations.service import apply_pipelines
from inspector.ports.reviews import ReviewChange
from inspector.settings import Settings

pytestmark = pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")


class Controller(TopicListener):
    """A PLC that reads everything that the service says about one camera's parts."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "plc", "plant/v1/pcb/cam1/verdict", "plant/v1/pcb/cam1/review")

    def of(self, channel: str) -> list[dict[str, Any]]:
        return [json.loads(payload) for topic, payload in self.messages if topic.rsplit("/", 1)[1] == channel]

    async def wait(self, is_there: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not is_there():
                await asyncio.sleep(0.02)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "pcb.yaml").write_text(line_file(deadline_ms=8_000))
    with local_broker(tmp_path / "broker", prefer="mosquitto") as broker:
        here = absolute(Settings(data=tmp_path, broker_port=broker.port, site="reviews", topic_root="plant/v1"))
        upgrade(here.database)
        apply_pipelines(here, tmp_path / "pipelines")
        yield here


async def test_line_receives_a_persons_disposition_once_and_its_withdrawal(settings: Settings) -> None:
    device, plc = Device(broker_of(settings)), Controller(settings)
    store = SqlReviewStore(settings.database, Topics(settings.topic_root))

    def review(*reviews: Review) -> None:
        store.add_reviews(ReviewChange(reviews))

    picture = encode(draw("board", 1, size=160))
    device.say_retained("pcb/cam1/frame", picture, trigger_id="stored")
    station = await open_station(settings, ScriptedPool(), 0)
    await until_reported(settings, "RETAINED_FRAME")  # it is subscribed now
    device.say("pcb/cam1/frame", picture, trigger_id="t-1", part_id="SN1")
    await plc.wait(lambda: len(plc.of("verdict")) == 1)
    [verdict] = plc.of("verdict")
    assert verdict["disposition"] == "REVIEW"
    result_id = verdict["result_id"]
    review(a_review(result_id, UNSURE, review_id="doubt"), a_review(result_id, OK, "bob", review_id="good"))
    await plc.wait(lambda: len(plc.of("review")) == 1)
    await station.close()
    review(a_review(result_id, NG, "eve", review_id="differs"))
    review(a_review(result_id, None, "bob", review_id="undo", supersedes="good"))
    station = await open_station(settings, ScriptedPool(), 0)
    await plc.wait(lambda: len(plc.of("review")) == 3)
    await station.close()
    device.stop()
    plc.stop()
    store.close()
    known = [(each["review_id"], each["disposition"], each["supersedes"]) for each in plc.of("review")]
    assert known == [("good", "PASS", None), ("differs", "REVIEW", "good"), ("undo", "REJECT", "differs")]
    assert {(each["result_id"], each["trigger_id"], each["part_id"]) for each in plc.of("review")} == {
        (result_id, "t-1", "SN1")
    }
