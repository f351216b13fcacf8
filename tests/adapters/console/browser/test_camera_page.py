"""The page of a camera, and the list of what a line lacks before it is LIVE: every button does what it says.

One line is shared by the module: each test goes on where the one before it ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest
from support.browser_pages import ServedConsole, open_context, open_page, require_pages
from support.camera_pictures import encoded, scene
from support.challenges import ChallengedLine, challenged_line, challenged_pipeline
from support.console_api import sql_services
from support.databases import fetch
from support.fakes import a_part

from inspector.adapters.ledger import FileEvidence, SqlLedger
from inspector.lines.versions import ReadableVersion
from inspector.ports.camera_minutes import CameraMinute
from inspector.utc import utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser
MINUTES: Final = 6
FRAMES: Final = 60  # in each minute
DEADLINE_MS: Final = 1500.0
FOCUS: Final = {"cam1": (100.0, 110.0), "cam2": (90.0, 240.0)}  # least and greatest
PARTS: Final = 50


@dataclass
class Plant:
    line: ChallengedLine
    folder: Path
    address: str

    @property
    def cameras(self) -> list[str]:
        return list(self.line.states.version("pcb").pipeline.cameras)

    def audited(self, action: str) -> list[str]:
        rows = fetch(self.line.url, f"SELECT subject FROM audit WHERE action = '{action}'")
        return [str(row[0]) for row in rows]

    def record(self, parts: int) -> None:
        """Record minutes of both cameras, and fast parts of the first."""
        with ThreadPoolExecutor(1) as thread:  # this thread runs the browser's event loop
            thread.submit(lambda: asyncio.run(self._record(parts))).result()

    async def _record(self, parts: int) -> None:
        now = utc_now().replace(second=0, microsecond=0)
        picture = FileEvidence(str(self.folder / "evidence")).put(encoded(scene(), "JPEG"), "image/jpeg")
        async with SqlLedger(self.line.url) as ledger:
            await ledger.add_camera_minutes(
                [
                    CameraMinute(
                        "pcb", camera, now - timedelta(minutes=at + 1), FRAMES, 0, 0, FRAMES,
                        (least if at else greatest) * FRAMES, 0.5 * FRAMES,
                    )
                    for camera, (least, greatest) in FOCUS.items()
                    for at in range(MINUTES)
                ]
            )  # fmt: skip
            for number in range(parts):
                at = utc_now()
                part = a_part(f"t{number}", evidence=picture, received_at=at, decided_at=at, latency_ms=20.0)
                await ledger.record(part, [])


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    require_pages()
    folder = tmp_path_factory.mktemp("camera")
    with challenged_line(folder) as line:
        golden = FileEvidence(str(folder / "evidence")).put(encoded(scene(), "JPEG"), "image/jpeg").sha256
        pipeline = challenged_pipeline(cameras=list(FOCUS), golden_samples=["a.jpg"], deadline_ms=DEADLINE_MS)
        line.store(ReadableVersion(pipeline, (golden,)))
        line.add([0.9] * 20, is_ng=True)
        line.add([0.05] * 10, is_ng=False)
        services = sql_services(line.url, folder, line.model)
        jobs = replace(services.changes.qualification_jobs, fingerprints_of=lambda _version: line.fingerprints)
        services = replace(services, changes=replace(services.changes, qualification_jobs=jobs))
        served = ServedConsole(services)
        yield Plant(line, folder, served.address)
        services.changes.jobs.close()
        served.end()


@pytest.fixture
def page(browser: Browser, plant: Plant) -> Iterator[Page]:
    expected = ["404 (Not Found)"]  # a camera that sent no picture has no newest one
    with open_context(browser, plant.address) as context, open_page(context, plant.address, expected) as page:
        yield page


def ask(page: Page, camera: str, action: str) -> Locator:
    """Open the page of a camera, and the question of one of its buttons."""
    page.goto(f"/cameras/pcb/{camera}")
    page.get_by_test_id(f"camera-{action}").click()
    return page.get_by_role("dialog")


def answer(dialog: Locator, button: str, reason: str) -> None:
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name=button, exact=True).click()


def conditions(page: Page) -> dict[str, str]:
    """The conditions of the exit list, and the state of each."""
    rows = page.get_by_test_id("exit-list").get_by_role("listitem")
    return {row.get_by_role("link").inner_text(): row.locator(".chip").inner_text()[2:] for row in rows.all()}


def test_exit_list_names_what_is_unknown_before_frames_came(page: Page, plant: Plant) -> None:
    page.goto("/lines/pcb")
    page.get_by_test_id("exit-list").get_by_text("Golden samples").wait_for()
    assert conditions(page) == {
        "Golden samples": "done",
        "Challenge set qualifies the line": "missing",
        "Focus is steady": "too few frames yet",
        "Exposure is steady": "too few frames yet",
        "p99 of the latency is below the deadline": "too few frames yet",
    }
    page.goto("/cameras/pcb/cam1")
    page.get_by_test_id("quality-limits").get_by_text("are the defaults").wait_for()
    assert plant.cameras == ["cam1", "cam2"]


def test_exit_list_tells_what_frames_and_parts_say(page: Page, plant: Plant) -> None:
    plant.record(PARTS)
    page.goto("/lines/pcb")
    focus = page.get_by_test_id("exit-list").get_by_role("listitem").filter(has_text="Focus")
    focus.get_by_text("missing").wait_for()
    page.get_by_text(f"20 / {DEADLINE_MS:,.0f} ms").wait_for()
    found = conditions(page)
    assert (found["Focus is steady"], found["Exposure is steady"]) == ("missing", "done")
    assert found["p99 of the latency is below the deadline"] == "done"


def test_camera_is_renamed(page: Page, plant: Plant) -> None:
    dialog = ask(page, "cam2", "rename")
    dialog.get_by_label("New name").fill("side")
    answer(dialog, "Rename", "as in the drawing")
    page.wait_for_url("**/cameras/pcb/side")
    page.get_by_role("heading", name="pcb / side").wait_for()
    assert plant.cameras == ["cam1", "side"]


def test_camera_is_replaced_with_a_reason_only(page: Page, plant: Plant) -> None:
    dialog = ask(page, "side", "replace")
    dialog.get_by_role("button", name="Replace").click()
    assert dialog.is_visible(), "a reason is needed"
    dialog.get_by_label("New name").fill("side2")
    answer(dialog, "Replace", "broken sensor")
    page.wait_for_url("**/cameras/pcb/side2")
    page.get_by_role("heading", name="pcb / side2").wait_for()
    assert plant.cameras == ["cam1", "side2"]
    assert plant.audited("camera.replace") == ["pcb/side"]


def test_camera_is_paused_and_judged_again(page: Page, plant: Plant) -> None:
    answer(ask(page, "side2", "pause"), "Pause", "cleaning")
    page.locator(".head .chip").get_by_text("PAUSED").wait_for()
    assert plant.line.states.version("pcb").status.paused_cameras == {"side2"}
    answer(ask(page, "side2", "resume"), "End the pause", "clean")
    page.get_by_test_id("camera-pause").wait_for()
    assert not plant.line.states.version("pcb").status.paused_cameras


def test_camera_is_retired_with_a_reason_only(page: Page, plant: Plant) -> None:
    dialog = ask(page, "side2", "retire")
    dialog.get_by_role("button", name="Retire").click()
    assert dialog.is_visible(), "a reason is needed"
    answer(dialog, "Retire", "dismantled")
    dialog.wait_for(state="hidden")
    assert plant.cameras == ["cam1"]


def test_exit_list_is_met_and_goes_once_the_line_is_live(page: Page) -> None:
    page.goto("/lines/pcb/qualification")
    page.get_by_role("button", name="Run a qualification").click()
    page.get_by_role("dialog").get_by_role("button", name="Run a qualification").click()
    page.get_by_test_id("passed").get_by_text("qualified", exact=True).wait_for()
    page.goto("/lines/pcb")
    page.get_by_test_id("exit-list").get_by_role("listitem").filter(has_text="Challenge set").get_by_text(
        "done"
    ).wait_for()
    page.get_by_role("listitem").filter(has_text="Focus is steady").get_by_text("done").wait_for()
    assert set(conditions(page).values()) == {"done"}
    page.get_by_role("button", name="Go live").click()
    page.get_by_role("dialog").get_by_role("button", name="Go live").click()
    page.get_by_test_id("line-state").filter(has_text="LIVE").first.wait_for()
    page.get_by_test_id("exit-list").wait_for(state="detached")


def test_proposed_limits_become_a_draft_that_is_set_live(page: Page, plant: Plant) -> None:
    page.goto("/cameras/pcb/cam1")
    limits = page.get_by_test_id("quality-limits")
    limits.get_by_text("min_sharpness: 50, luminance: [0.4, 0.6], min_change: 0.00001").wait_for()
    limits.get_by_role("button", name="Save limits as draft").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Save limits as draft").click()
    assert dialog.is_visible(), "a reason is needed"
    answer(dialog, "Save limits as draft", "as seen in commissioning")
    page.wait_for_url("**/lines/pcb/tune*")
    draft = page.get_by_test_id("draft")
    draft.get_by_text("as seen in commissioning").wait_for()
    draft.get_by_role("row", name="min_sharpness").get_by_text("50").wait_for()
    draft.get_by_role("button", name="Set live").click()
    answer(dialog, "Set live", "as seen in commissioning")
    page.get_by_text("is live.").first.wait_for()
    quality = plant.line.states.version("pcb").pipeline.quality
    assert (quality.min_sharpness, quality.luminance, quality.min_change) == (50.0, (0.4, 0.6), 0.00001)
    page.goto("/cameras/pcb/cam1")
    page.get_by_test_id("quality-limits").get_by_text("declares these limits").wait_for()
