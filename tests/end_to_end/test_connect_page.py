"""A camera that no line knows becomes part of a line: in the browser only, and by the API only. Nothing passes yet."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
from support.browser_pages import (
    keep_screenshot,
    open_browser,
    open_context,
    open_page,
    require_pages,
    sideways_scroll,
    wcag_violations,
)
from support.challenges import drawn
from support.mqtt_desk import Device
from support.serve_process import ServeProcess, free_port, serve_process
from support.topic_listener import TopicListener

from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import local_broker
from inspector.adapters.vlm.stub import NG_SHARE
from inspector.bootstrap.from_settings import broker_of
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import Pictures, preamble
from inspector.lab.synthetic import draw, encode
from inspector.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed"),
]
ROOT: Final = "plant/v1"
WAIT_S: Final = 60.0
PICTURES: Final = [encode(draw("board", seed, size=320)) for seed in range(5)]
NARROW: Final = ((1024, 768), (768, 1024))


@dataclass
class Plant:
    """A running service, a camera's client, and the API."""

    service: ServeProcess
    settings: Settings
    device: Device
    api: httpx.Client
    address: str

    def send(self, line: str, camera: str, run: str) -> None:
        for number, picture in enumerate(PICTURES):
            self.device.say(f"{line}/{camera}/frame", picture, trigger_id=f"{run}-{number}")

    def get(self, path: str) -> Any:
        return self.api.get(path).raise_for_status().json()

    def unknown(self, line: str) -> dict[str, Any]:
        """Return the unknown camera of this line, with all its pictures."""
        found: list[dict[str, Any]] = []

        def has_come() -> bool:
            found[:] = [each for each in self.get("/unknown-cameras") if each["line"] == line]
            return bool(found) and len(found[0]["pictures"]) == len(PICTURES)

        wait(has_come)
        return found[0]

    def verdicts(self, line: str, run: str) -> list[str]:
        """Send a run of frames once the station knows the line; return what the gate hears about them."""
        wait(lambda: bool(self.get(f"/events?kind=PIPELINE_LIVE&line={line}")["events"]))
        gate = TopicListener(self.settings, f"gate-{run}", f"{ROOT}/{line}/+/verdict")
        self.send(line, "top", run)
        wait(lambda: len(gate.messages) == len(PICTURES))
        gate.stop()
        return [json.loads(payload)["disposition"] for _, payload in gate.messages]


def wait(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder, port = tmp_path_factory.mktemp("connect"), free_port()
    with local_broker(folder / "broker", prefer="mosquitto") as broker:
        given = {"INSPECTOR_CONSOLE_PORT": str(port), "INSPECTOR_TOPIC_ROOT": ROOT, "INSPECTOR_SITE": "connect"}
        settings = Settings(data=folder / "data", broker_port=broker.port, topic_root=ROOT)
        address = f"http://127.0.0.1:{port}"
        with serve_process(folder, broker.port, **given) as service, httpx.Client(timeout=WAIT_S) as api:
            service.await_running()
            api.base_url = f"{address}/api/v1/"
            device = Device(broker_of(settings))
            yield Plant(service, settings, device, api, address)
            device.stop()


@pytest.fixture(scope="module")
def page(plant: Plant) -> Iterator[Page]:
    require_pages()
    with (
        open_browser() as browser,
        open_context(browser, plant.address) as context,
        open_page(context, plant.address, ["422 (Unprocessable"]) as page,
    ):
        page.set_default_timeout(WAIT_S * 1000)
        yield page


def files(plant: Plant) -> set[str]:
    return {str(path) for path in (plant.service.folder / "pipelines").rglob("*")}


def check_layout(page: Page, name: str) -> None:
    """Every step is accessible and fits both tablets."""
    for width, height in NARROW:
        page.set_viewport_size({"width": width, "height": height})
        assert sideways_scroll(page) == 0, (name, width)
        keep_screenshot(page, f"{name}-{width}")
    assert wcag_violations(page) == [], name
    page.set_viewport_size({"width": 1280, "height": 900})


def draw_region(page: Page) -> None:
    page.get_by_test_id("viewer").locator("img").first.evaluate("image => image.decode()")
    box = page.get_by_test_id("viewer").locator("img").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.25)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.8, steps=4)
    page.mouse.up()


def test_camera_is_connected_in_the_browser_and_nothing_passes(plant: Plant, page: Page) -> None:
    before = files(plant)
    page.goto("/connect")
    page.get_by_test_id("examples").get_by_text("mosquitto_pub").first.wait_for()
    check_layout(page, "waiting")
    plant.send("mugs", "top", "seen")
    plant.unknown("mugs")
    page.get_by_test_id("refused-messages").get_by_text("mugs / top").first.wait_for()
    began = time.monotonic()
    page.get_by_test_id("connect").click()
    page.get_by_test_id("template-surface").click()
    check_layout(page, "line")
    page.get_by_test_id("next").click()
    page.get_by_test_id("product").fill("mug")
    page.get_by_test_id("deadline").fill("0")
    check_layout(page, "product")
    page.get_by_test_id("next").click()
    draw_region(page)
    page.get_by_test_id("edge-bottom").fill("75")
    page.get_by_test_id("edge-bottom").press("Tab")
    check_layout(page, "region")
    page.get_by_test_id("next").click()
    page.get_by_test_id("golden").first.click()
    check_layout(page, "golden")
    page.get_by_test_id("next").click()
    page.get_by_test_id("shoot").click()
    page.get_by_test_id("refused").wait_for()
    assert page.get_by_test_id("deadline").is_visible(), "a fault leads to the step of its field"
    assert page.locator(".fault").inner_text()
    page.get_by_test_id("deadline").fill("60000")
    page.get_by_role("button", name="Test shot").click()
    page.get_by_test_id("shoot").click()
    shot = page.get_by_test_id("shot")
    shot.wait_for()
    assert any(word in shot.inner_text() for word in ("PASS", "REJECT", "REVIEW"))
    assert "ms" in shot.inner_text()
    check_layout(page, "shot")
    assert [each["status"]["line"] for each in plant.get("/lines")] == ["kind"], "nothing is saved yet"
    page.get_by_test_id("next").click()
    check_layout(page, "commission")
    page.get_by_test_id("commission").click()
    page.get_by_test_id("connected").wait_for()
    print(f"connect walk: {time.monotonic() - began:.1f} s")
    check_layout(page, "connected")
    line = plant.get("/lines/mugs")
    assert line["status"]["state"] == "COMMISSIONING"
    assert (line["live"]["pipeline"]["product"], len(line["live"]["golden"])) == ("mug", 1)
    region = line["live"]["pipeline"]["cameras"]["top"]["region"]
    assert region == pytest.approx([0.25, 0.25, 0.75, 0.75], abs=0.01)
    assert files(plant) == before, "no file is written"
    assert "PASS" not in plant.verdicts("mugs", "commissioned")


def test_camera_is_connected_by_the_api_alone(plant: Plant) -> None:
    plant.send("cups", "top", "seen")
    pictures = [each["sha256"] for each in plant.unknown("cups")["pictures"]]
    plant.api.put("/unknown-cameras/cups/top/pins", json={"sha256": pictures}).raise_for_status()
    settings = {"cameras": {"top": {"region": [0, 0, 1, 0.5]}}, "deadline_ms": 60_000, "references": 1}
    [template] = [each["settings"] for each in plant.get("/line-templates") if each["name"] == "surface"]
    declaration = template | settings | {"golden_samples": ["golden/a.jpg"]}
    shot = {"declaration": declaration, "golden": pictures[:1], "picture": pictures[0]}
    answer = plant.api.post("/cameras/cups/top/test-shots", json=shot).raise_for_status().json()
    assert answer["disposition"] in ("PASS", "REJECT", "REVIEW")
    golden = [{"line": "cups", "camera": "top", "sha256": pictures[0]}]
    body = {"line": "cups", "template": "surface", "settings": settings, "golden": golden}
    assert plant.api.post("/lines", json=body).raise_for_status().json()["status"]["state"] == "COMMISSIONING"
    assert "PASS" not in plant.verdicts("cups", "commissioned")


def labelled(pipeline: Pipeline, *, ng: bool, count: int) -> list[dict[str, str]]:
    """Pictures in which the stub sees what their label says, as the API takes them."""
    words = preamble(pipeline, Pictures.FRAME).encode()
    judged = ((data, hashlib.sha256(words + data).digest()) for data in map(drawn, range(10_000)))
    wanted = (data for data, digest in judged if (int.from_bytes(digest[:4]) < NG_SHARE * 2**32) is ng)
    label = "NG" if ng else "OK"
    return [
        {"name": f"{label}-{number}.png", "data": base64.b64encode(data).decode(), "label": label}
        for number, data in enumerate(islice(wanted, count))
    ]


def test_line_goes_live_by_its_challenge_set_or_by_an_override(plant: Plant, page: Page) -> None:
    settings = {"cameras": ["top"], "deadline_ms": 60_000, "ladder": [{"views": ["direct"]}]}
    for line in ("bowls", "plates"):
        body = {"line": line, "template": "surface", "settings": settings}
        plant.api.post("/lines", json=body).raise_for_status()
    pipeline = Pipeline.model_validate(plant.get("/lines/bowls")["live"]["pipeline"])
    for ng in (True, False):
        pictures = labelled(pipeline, ng=ng, count=60)
        plant.api.post("/lines/bowls/challenge-parts", json={"pictures": pictures}).raise_for_status()
    plant.api.post("/lines/bowls/qualifications", json={}).raise_for_status()
    wait(lambda: plant.get("/lines/bowls/qualifications")["job"]["state"] not in ("QUEUED", "RUNNING"))
    assert plant.get("/lines/bowls/qualifications")["qualifications"][0]["missing"] == []
    go_live(page, "bowls")
    page.get_by_test_id("line-state").filter(has_text="LIVE").first.wait_for()
    assert plant.get("/lines/bowls")["status"]["state"] == "LIVE"
    go_live(page, "plates")
    page.get_by_role("alert").filter(has_text="not qualified").wait_for()
    assert plant.get("/lines/plates")["status"]["state"] == "COMMISSIONING"
    page.get_by_label("Override").fill("2")
    page.get_by_label("Reason").fill("shown to the customer")
    page.get_by_role("dialog").get_by_role("button", name="Go live").click()
    page.get_by_text("shown to the customer").first.wait_for()
    assert plant.get("/lines/plates")["status"]["right"]["origin"] == "OVERRIDE"


def go_live(page: Page, line: str) -> None:
    page.goto(f"/lines/{line}")
    page.get_by_role("button", name="Go live").click()
    page.get_by_role("dialog").get_by_role("button", name="Go live").click()
