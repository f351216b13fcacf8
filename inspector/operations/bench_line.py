"""Measure what people wait for at a running line, in a real Chromium: a camera connected, and a version rolled back.

The service runs with a stub engine. Nobody thinks between two steps, so the time to connect is the machine's share.
"""

from __future__ import annotations

import time
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

from inspector.adapters.mqtt.line_client import Exposure, LineClient
from inspector.bootstrap.from_settings import broker_of
from inspector.errors import InspectorError
from inspector.lab.synthetic import draw, encode
from inspector.messages.topics import Topics
from inspector.operations.bench_browser import open_browser, open_context, open_page
from inspector.operations.bench_service import LINE, PIPELINE, stub_card
from inspector.operations.demo import demo_service
from inspector.operations.progress import Notify
from inspector.operations.service import apply_pipelines
from inspector.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NEW_LINE, NEW_CAMERA = "mugs", "top"
PICTURES: Final = 5
FRAME_INTERVAL_S: Final = 0.05
DEADLINE_MS: Final = 60_000
ROLLED_BACK: Final = 3  # the version that a rollback from 2 to 1 makes
ANSWER_TIMEOUT_S: Final = 30.0


def measure_line(settings: Settings, chromium: Path, notify: Notify) -> dict[str, Any]:
    """Run the service, connect a camera in the browser, roll a line back there, and return what both took."""
    pipelines = settings.data.absolute() / "pipelines"
    pipelines.mkdir(parents=True)
    declared = pipelines / f"{LINE}.yaml"
    declared.write_text(PIPELINE)
    settings = settings.model_copy(update={"model": stub_card(pipelines.parent)})
    with demo_service(settings, pipelines, [LINE], notify) as running:
        declared.write_text(f"{PIPELINE}thresholds: {{pass_below: 0.1}}\n")
        apply_pipelines(running, pipelines)
        with open_browser(chromium) as browser:
            notify("a camera is connected")
            figures = _connect(running, browser)
            notify("a version is rolled back while the line goes on")
            return figures | _roll_back(running, browser)


def _connect(running: Settings, browser: Browser) -> dict[str, float]:
    """Connect an unknown camera, from the first click to the line that is COMMISSIONING."""
    with _client(running, NEW_LINE, NEW_CAMERA) as camera:
        for seed in range(PICTURES):
            camera.send(Exposure(f"seen-{seed}", encode(draw("board", seed)), is_simulated=False))
        context = open_context(browser, running)
        page = open_page(context, "/connect")
        connect = page.get_by_test_id("connect")
        connect.wait_for()
        began = time.monotonic()
        connect.click()
        page.get_by_test_id("template-surface").click()
        page.get_by_test_id("next").click()
        page.get_by_test_id("product").fill("mug")
        page.get_by_test_id("deadline").fill(str(DEADLINE_MS))
        page.get_by_test_id("next").click()
        page.get_by_test_id("edge-bottom").fill("90")
        page.get_by_test_id("next").click()
        page.get_by_test_id("golden").first.click()
        page.get_by_test_id("next").click()
        page.get_by_test_id("shoot").click()
        page.get_by_test_id("shot").wait_for()
        page.get_by_test_id("next").click()
        page.get_by_test_id("commission").click()
        page.get_by_test_id("connected").wait_for()
        took_s = time.monotonic() - began
        context.close()
    return {"connect_s": round(took_s, 1)}


def _roll_back(running: Settings, browser: Browser) -> dict[str, float]:
    """Roll back from version 2 to 1, from the click to the first part that is decided by the new version."""
    context = open_context(browser, running)
    page = open_page(context, f"/lines/{LINE}/versions")
    row = page.get_by_test_id("versions").locator('tr[data-version="1"]')
    with _client(running, LINE, "cam1") as camera:
        stop = Event()
        sender = Thread(target=_send, args=(camera, stop))
        sender.start()
        try:
            _await_version(camera, ROLLED_BACK - 1)
            row.get_by_role("button", name="Roll back").click()
            dialog = page.get_by_role("dialog")
            dialog.get_by_label("Reason").fill("benchmark")
            dialog.get_by_role("button", name="Roll back").click()
            clicked_ms: float = page.evaluate("window.benched.clickAt")
            live_ms = _await_version(camera, ROLLED_BACK)
        finally:
            stop.set()
            sender.join()
    context.close()
    return {"rollback_live_ms": round(live_ms - clicked_ms, 1)}


def _client(running: Settings, line: str, camera: str) -> LineClient:
    return LineClient(broker_of(running), Topics(running.topic_root), line, camera, "bench")


def _send(camera: LineClient, stop: Event) -> None:
    for number in count():
        if stop.wait(FRAME_INTERVAL_S):
            return
        camera.send(Exposure(f"rolled-{number}", encode(draw("board", number % PICTURES)), seq=number))


def _await_version(camera: LineClient, version: int) -> float:
    """Return when the first part was decided by this version, in milliseconds of the epoch."""
    until = time.monotonic() + ANSWER_TIMEOUT_S
    while time.monotonic() < until:
        answered = (each.verdicts[0][1] for each in camera.journeys() if each.verdicts)
        decided = [each.decided_at for each in answered if each.pipeline and each.pipeline.version == version]
        if decided:
            return min(decided).timestamp() * 1000.0
        time.sleep(FRAME_INTERVAL_S)
    raise InspectorError(f"no part was decided by version {version} of line {LINE} within {ANSWER_TIMEOUT_S:g} s")
