"""A process engineer tunes a line in a real Chromium: a real broker, a real station, and the ledger behind the pages.

One station and one console are shared by the module: each test goes on where the one before it ended.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from support.browser_pages import (
    ServedConsole,
    open_context,
    open_page,
    require_pages,
    sideways_scroll,
    wcag_violations,
)
from support.console_api import sql_services
from support.line_fakes import ScriptedPool
from support.mqtt_desk import Device
from support.reported_events import until_reported
from support.reviews import add_reviews, labelled
from support.topic_listener import TopicListener
from support.voted_line import voted_parts, voted_pipeline

from inspector.adapters.console.services import LineServices
from inspector.adapters.ledger import FileEvidence, SqlLedger, upgrade
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import local_broker
from inspector.bootstrap.from_settings import absolute, broker_of
from inspector.bootstrap.station import open_station
from inspector.domain.pipeline import Thresholds
from inspector.lab.synthetic import draw, encode
from inspector.lines.tuning import OtherSettings, WhatIf
from inspector.numerics.exact_bounds import MeasuredShare
from inspector.operations.service import apply_pipelines
from inspector.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed"),
]
PARTS: Final = 300
REVIEWED: Final = 160
STEPS: Final = 50
STEP: Final = 0.005
TUNE: Final = "/lines/pcb/tune"
CLASSES: Final = [("short",), ("short", "missing_hole"), (), ("missing_hole",)]
PICTURE: Final = encode(draw("board", 1, size=160))
READ_ROWS: Final = """() => Object.fromEntries(
  [...document.querySelectorAll('[data-testid=figures] tbody tr')].filter(row => row.cells.length === 3)
  .map(row => [row.dataset.figure ?? row.cells[0].innerText.trim(), [row.cells[1].innerText, row.cells[2].innerText]]))
"""


@dataclass
class Plant:
    """A line with stored, partly reviewed parts, its station, and the console."""

    settings: Settings
    services: LineServices
    address: str
    device: Device
    gate: TopicListener

    @property
    def live(self) -> Thresholds:
        limits: Thresholds = self.versions[-1].declaration.thresholds
        return limits

    @property
    def versions(self) -> list[Any]:
        return self.services.versions.history("pcb")

    def what_if(self, low: float, high: float, rungs: int | None = None) -> WhatIf:
        limits = Thresholds(pass_below=low, reject_above=high)
        return self.services.tuning.what_if("pcb", OtherSettings(limits, rungs))

    def apply(self, **changes: Any) -> None:
        """Apply a changed file, as `inspector apply` does."""
        declared = voted_pipeline(cameras=["*"], **changes).model_dump(mode="json", exclude_unset=True)
        (self.settings.data / "pipelines" / "pcb.yaml").write_text(yaml.safe_dump(declared))
        apply_pipelines(self.settings, self.settings.data / "pipelines")

    def judge(self, trigger_id: str) -> dict[str, Any]:
        """Send a frame and return its verdict."""
        self.device.say("pcb/cam1/frame", PICTURE, trigger_id=trigger_id)
        for _ in range(1500):
            for _topic, payload in self.gate.messages:
                verdict: dict[str, Any] = json.loads(payload)
                if verdict["trigger_id"] == trigger_id:
                    return verdict
            time.sleep(0.02)
        raise AssertionError(f"no verdict of {trigger_id}")

    def until_judged_by(self, version: int) -> dict[str, Any]:
        """Send frames until the station has loaded this version."""
        for number in range(100):
            verdict = self.judge(f"v{version}-{number}")
            if verdict["pipeline"]["version"] == version:
                return verdict
            time.sleep(0.05)
        raise AssertionError(f"the station does not load version {version}")


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The loop of the station: the browser's driver has that of this thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory, loop: asyncio.AbstractEventLoop) -> Iterator[Plant]:
    require_pages()
    folder = tmp_path_factory.mktemp("plant")
    (folder / "pipelines").mkdir()
    with ExitStack() as stack:
        broker = stack.enter_context(local_broker(folder / "broker", prefer="mosquitto"))
        settings = absolute(Settings(data=folder, broker_port=broker.port, site="tune", topic_root="plant/v1"))
        upgrade(settings.database)
        console = sql_services(settings.database, folder)
        device = Device(broker_of(settings))
        stack.callback(device.stop)
        gate = TopicListener(settings, "gate", "plant/v1/pcb/cam1/verdict")
        stack.callback(gate.stop)
        plant = Plant(settings, console.changes, "", device, gate)
        plant.apply()
        run(loop, store_parts(settings))
        device.say_retained("pcb/cam1/frame", PICTURE, trigger_id="stored")
        station = run(loop, open_station(settings, ScriptedPool(), 0))
        stack.callback(lambda: run(loop, station.close()))
        run(loop, until_reported(settings, "RETAINED_FRAME"))
        served = ServedConsole(console)
        stack.callback(served.end)
        yield replace(plant, address=served.address)


def run(loop: asyncio.AbstractEventLoop, work: Any) -> Any:
    return asyncio.run_coroutine_threadsafe(work, loop).result(60)


async def store_parts(settings: Settings) -> None:
    """Store parts of two cameras; people named classes of the NG ones."""
    picture = FileEvidence(settings.evidence).put(PICTURE, "image/png")
    parts = [
        (replace(part, key=part.key._replace(camera="cam2" if number % 3 else "cam1"), evidence=picture), is_ng)
        for number, (part, is_ng) in enumerate(voted_parts(PARTS))
    ]
    async with SqlLedger(settings.database) as ledger:
        for part, _ in parts:
            await ledger.record(part, [])
    answers = [labelled(part.result_id, is_ng) for part, is_ng in parts[:REVIEWED]]
    named = [replace(each, classes=CLASSES[at % 4] if each.label == "NG" else ()) for at, each in enumerate(answers)]
    await asyncio.to_thread(add_reviews, settings.database, named)


@pytest.fixture
def expected_errors() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, plant: Plant, expected_errors: list[str]) -> Iterator[Page]:
    with open_context(browser, plant.address) as context, open_page(context, plant.address, expected_errors) as page:
        yield page


def percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:,.{digits}f} %"


def share(found: MeasuredShare) -> str:
    if found.value is None:
        return "no reviewed parts"
    return f"{percent(found.value)} ({percent(found.low)} – {percent(found.high)}), {found.found} / {found.parts}"


def expected_rows(found: WhatIf) -> dict[str, list[str]]:
    """The rows of the table of figures, as the priced replay has them."""
    rows = {name: [share(getattr(each, name)) for each in (found.before, found.after)] for name in found.before._fields}
    rows["per_hour"] = [f"{each:,.1f}" for each in found.reviews_per_hour]
    rows["votes"] = [f"{each:,.2f}" for each in found.impact.votes]
    rows["latency"] = [f"{each:,.0f}" for each in found.latency_ms]
    for each in found.severities:
        rows[str(each.severity)] = [share(each.before), share(each.after)]
    for each in found.defects:
        kind = f" ({each.severity})" if each.severity else ""
        rows[f"{each.defect or 'no class named'}{kind}"] = [share(each.before), share(each.after)]
    for camera in found.cameras:
        rows[camera.camera] = [share(camera.before.escape), share(camera.after.escape)]
    return rows


def shown_rows(page: Page) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = page.evaluate(READ_ROWS)
    return {name: cells for name, cells in rows.items() if name != "REVIEW"}  # the cameras' short rows


def until(is_so: Callable[[], bool]) -> None:
    for _ in range(400):
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def open_tune(page: Page, query: str = "") -> None:
    page.goto(f"{TUNE}{query}")
    page.get_by_test_id("figures").wait_for()


def save_draft(page: Page, reason: str) -> None:
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name="Save as draft").click()


def test_every_figure_equals_the_priced_replay_at_fifty_steps_of_each_limit(page: Page, plant: Plant) -> None:
    open_tune(page)
    low, high = plant.live.pass_below, plant.live.reject_above
    moved = 0
    for slider, key, steps in (("pass-slider", "ArrowRight", (1, 0)), ("reject-slider", "ArrowLeft", (0, -1))):
        page.get_by_test_id(slider).focus()
        for _ in range(STEPS):
            page.keyboard.press(key)
            low, high = round(low + steps[0] * STEP, 6), round(high + steps[1] * STEP, 6)
            found = plant.what_if(low, high)
            assert shown_rows(page) == expected_rows(found), (low, high)
            moved = max(moved, found.moved)
    assert moved > 10
    page.get_by_role("heading", name=f"{found.moved} part(s) would get another disposition").wait_for()
    first = page.get_by_test_id("moves").locator("a").first
    first.get_by_text(found.moves[0].part.trigger_id).wait_for()
    assert found.moves[0].is_escape
    page.get_by_test_id("escapes").get_by_text(f"{found.escapes} part(s) that people called NG").wait_for()


def test_a_shorter_ladder_is_replayed_with_the_same_figures(page: Page, plant: Plant) -> None:
    open_tune(page, "?pass_below=0.3&reject_above=0.7")
    for rungs in (1, 2):
        page.get_by_test_id("rungs").select_option(str(rungs))
        expected = expected_rows(plant.what_if(0.3, 0.7, rungs))
        until(lambda expected=expected: shown_rows(page) == expected)  # type: ignore[misc]
    page.wait_for_url("**rungs=2**")


def test_limits_are_dragged_by_mouse_and_typed_as_numbers(page: Page, plant: Plant) -> None:
    open_tune(page)
    edges = page.get_by_test_id("histogram").bounding_box()
    assert edges is not None
    page.mouse.move(edges["x"] + plant.live.pass_below * edges["width"], edges["y"] + 100)
    page.mouse.down()
    page.mouse.move(edges["x"] + 0.4 * edges["width"], edges["y"] + 100)
    page.mouse.up()
    assert page.get_by_test_id("pass-number").input_value() == "0.4"
    page.get_by_test_id("reject-number").fill("0.9")
    page.keyboard.press("Enter")
    assert shown_rows(page) == expected_rows(plant.what_if(0.4, 0.9))


def test_a_promise_gives_limits_or_the_parts_to_review_next(page: Page, plant: Plant) -> None:
    open_tune(page)
    page.get_by_test_id("target").fill("1")
    page.get_by_role("button", name="Find limits").click()
    page.get_by_test_id("aimed").get_by_text("Not proved yet").wait_for()
    page.get_by_role("button", name="parts next").click()
    page.wait_for_url("**/review?line=pcb&list=named")
    page.get_by_test_id("answer-ok").wait_for()


def test_a_file_that_was_applied_meanwhile_is_shown_and_nothing_is_lost(
    page: Page, plant: Plant, expected_errors: list[str]
) -> None:
    expected_errors.append("409")
    open_tune(page, "?pass_below=0.25&reject_above=0.75")
    plant.apply(deadline_ms=9000)
    page.get_by_role("button", name="Save as draft").click()
    save_draft(page, "fewer reviews")
    conflict = page.get_by_test_id("conflict")
    conflict.get_by_text("From version 1, which you saw, to version 2").wait_for()
    conflict.get_by_role("row", name="deadline_ms").get_by_text("9000").wait_for()
    page.get_by_test_id("kept").get_by_text("Your limits are kept").wait_for()
    page.get_by_role("dialog").get_by_role("button", name="Save as draft").click()
    difference = page.get_by_test_id("draft").get_by_test_id("difference")
    difference.get_by_role("row", name="thresholds.pass_below").get_by_text("0.25").wait_for()
    assert difference.get_by_role("row").count() == 3  # the heading and both limits: nobody's change is undone
    page.get_by_test_id("draft").get_by_role("button", name="End the draft").click()
    page.get_by_role("dialog").get_by_role("button", name="End the draft").click()
    page.get_by_text("The draft has ended.").wait_for()


def test_reviewed_ng_parts_that_would_pass_block_saving_without_a_reason(page: Page, plant: Plant) -> None:
    escapes = plant.what_if(0.6, 0.9).escapes
    open_tune(page, "?pass_below=0.6&reject_above=0.9")
    page.get_by_role("button", name="Save as draft").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text(f"{escapes} part(s) that people called NG would newly pass. Look at them").wait_for()
    dialog.get_by_role("button", name="Save as draft").click()
    assert dialog.is_visible()
    assert all(draft.ended_at for draft in plant.services.drafts.newest("pcb"))
    save_draft(page, "a drill")
    page.get_by_test_id("new-escapes").get_by_text(f"{escapes} part(s) that people called NG").wait_for()
    page.get_by_test_id("shadow").get_by_text("0 parts judged since").wait_for()
    plant.until_judged_by(2)
    until(lambda: plant.services.drafts.comparison("pcb").total > 0)
    page.get_by_test_id("shadow").get_by_role("table").wait_for()
    page.get_by_role("button", name="Set live").click()
    dialog.get_by_role("button", name="Set live").click()
    assert dialog.is_visible()
    assert plant.versions[-1].version == 2
    dialog.get_by_label("Reason").fill("a drill")
    dialog.get_by_role("button", name="Set live").click()
    page.get_by_text("Version 3 is live.").wait_for()
    assert (plant.live.pass_below, plant.live.reject_above) == (0.6, 0.9)


def test_the_next_part_is_judged_by_the_version_that_was_rolled_back_to(page: Page, plant: Plant) -> None:
    plant.until_judged_by(3)
    page.goto("/lines/pcb/versions")
    page.get_by_test_id("drafts").get_by_role("row", name="became version 3").wait_for()
    row = page.get_by_test_id("versions").locator('tr[data-version="2"]')
    row.get_by_role("button", name="Compare with live").click()
    page.get_by_test_id("difference").get_by_role("row", name="thresholds.pass_below").get_by_text("0.6").wait_for()
    row.get_by_role("button", name="Roll back").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("too many escapes")
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    page.get_by_text("Version 4 is live.").wait_for()
    assert plant.until_judged_by(4)["pipeline"]["version"] == 4
    assert plant.live == plant.versions[1].declaration.thresholds


def test_tune_and_versions_meet_wcag_and_do_not_scroll_sideways(page: Page, plant: Plant) -> None:
    for address in (f"{TUNE}?pass_below=0.5&", "/lines/pcb/versions?"):
        page.goto(f"{address}lang=en")
        page.locator("table").first.wait_for()
        page.wait_for_timeout(300)
        assert wcag_violations(page) == [], address
        for width, height in ((1024, 768), (768, 1024)):
            page.set_viewport_size({"width": width, "height": height})
            for language in ("pseudo", "ko"):
                page.goto(f"{address}lang={language}")
                page.locator("table").first.wait_for()
                page.wait_for_timeout(200)
                assert sideways_scroll(page) <= 0, (address, width, language)
