"""People change a line's golden samples and challenge set, qualify it and set it live, in a real Chromium."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest
from support.browser_pages import ServedConsole, require_pages, sideways_scroll, wcag_violations
from support.challenges import ChallengedLine, challenged_line, drawn
from support.console_api import sql_services

from inspector.adapters.console.services import ConsoleServices

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Page

pytestmark = pytest.mark.browser
LINE: Final = "/lines/pcb"
API: Final = "/api/v1/lines/pcb"
PAGES: Final = (f"{LINE}/golden", f"{LINE}/qualification")


@dataclass
class LineConsole:
    """A console that runs over a line with a model."""

    address: str
    line: ChallengedLine

    def pictures(self, count: int, score: float) -> list[FilePayload]:
        """Draw pictures in which the model sees this score, as files for an upload."""
        found: list[FilePayload] = []
        for _ in range(count):
            number = len(self.line.scores)
            data = drawn(number)
            self.line.scores[data] = score
            found.append({"name": f"picture-{number}.png", "mimeType": "image/png", "buffer": data})
        return found

    def add_golden(self) -> None:
        """Add a golden sample as somebody else does."""
        with httpx.Client(base_url=self.address) as client:
            tag = client.get(f"{API}/golden-samples").headers["ETag"]
            [picture] = self.pictures(1, 0.01)
            data = base64.b64encode(picture["buffer"]).decode()
            body = {"pictures": [{"name": "theirs.png", "data": data}], "reason": "another lamp"}
            assert client.post(f"{API}/golden-samples", json=body, headers={"If-Match": tag}).is_success


def _services(line: ChallengedLine, folder: Path) -> ConsoleServices:
    services = sql_services(line.url, folder, line.model)
    jobs = replace(services.changes.qualification_jobs, fingerprints_of=lambda _version: line.fingerprints)
    return replace(services, changes=replace(services.changes, qualification_jobs=jobs))


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineConsole]:
    require_pages()
    folder = tmp_path_factory.mktemp("line")
    with ExitStack() as stack:
        line = stack.enter_context(challenged_line(folder))
        line.declare(qualification={"escape": 0.1})
        served = ServedConsole(_services(line, folder))
        stack.callback(served.end)
        yield LineConsole(served.address, line)


def confirm(page: Page, action: str, reason: str = "") -> None:
    dialog = page.get_by_role("dialog")
    if reason:
        dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name=action, exact=True).click()


def test_golden_sample_says_what_it_changes_before_it_is_stored_and_is_removed(
    page: Page, console: LineConsole
) -> None:
    before = console.line.states.version("pcb").version
    page.goto(f"{LINE}/golden")
    page.get_by_test_id("golden-files").set_input_files(console.pictures(1, 0.01))
    effects = page.get_by_test_id("effects")
    effects.get_by_text(re.compile("0 become 1; the model is shown 0")).wait_for()
    effects.get_by_text(re.compile("becomes UNQUALIFIED")).wait_for()
    assert console.line.states.version("pcb").version == before
    confirm(page, "Add", "a good board")
    page.get_by_text(f"Version {before + 1} is live").wait_for()
    page.get_by_role("button", name="Remove").click()
    page.get_by_test_id("effects").get_by_text(re.compile("1 become 0")).wait_for()
    confirm(page, "Remove", "glare")
    page.get_by_text("This line has no golden samples").wait_for()
    assert console.line.states.version("pcb").version == before + 2


def test_a_change_on_top_of_anothers_shows_both_versions_and_loses_nothing(
    page: Page, console: LineConsole, expected_errors: list[str]
) -> None:
    expected_errors.append("412")
    page.goto(f"{LINE}/golden")
    page.get_by_text("This line has no golden samples").wait_for()
    before = console.line.states.version("pcb").version
    console.add_golden()
    page.get_by_test_id("golden-files").set_input_files(console.pictures(1, 0.01))
    conflict = page.get_by_test_id("conflict")
    conflict.get_by_text(f"From version {before}, which you saw, to version {before + 1}").wait_for()
    conflict.get_by_role("cell", name="golden_samples").first.wait_for()
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("img", name="Golden sample 1").wait_for()
    page.get_by_role("button", name="Remove").click()
    confirm(page, "Remove", "as before")
    page.get_by_text("This line has no golden samples").wait_for()


def test_uploaded_pictures_qualify_the_line_and_it_goes_live(
    page: Page, console: LineConsole, expected_errors: list[str]
) -> None:
    expected_errors.append("422")
    page.goto(f"{LINE}/qualification")
    torn: FilePayload = {"name": "torn.png", "mimeType": "image/png", "buffer": b"no picture"}
    page.get_by_test_id("ng-files").set_input_files([*console.pictures(20, 0.99), torn])
    page.get_by_test_id("upload").get_by_text("21 of 21 sent: 20 added, 0 were there already, 1 refused.").wait_for()
    page.get_by_test_id("faults").get_by_text("torn.png").wait_for()
    page.get_by_test_id("ok-files").set_input_files(console.pictures(5, 0.01))
    page.get_by_test_id("challenge-counts").get_by_text("5 OK, 20 NG").wait_for()
    page.get_by_role("button", name="Run a qualification").click()
    confirm(page, "Run a qualification")
    page.get_by_test_id("missing").get_by_text(re.compile("9 more NG without a miss for 10 %")).wait_for()
    page.get_by_role("button", name="Go live").click()
    confirm(page, "Go live")
    page.get_by_role("dialog").get_by_role("alert").get_by_text("is not qualified").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_test_id("ng-files").set_input_files(console.pictures(9, 0.99))
    page.get_by_test_id("challenge-counts").get_by_text("5 OK, 29 NG").wait_for()
    page.get_by_role("button", name="Run a qualification").click()
    confirm(page, "Run a qualification", "nine more")
    page.get_by_test_id("passed").get_by_text("qualified", exact=True).wait_for()
    page.get_by_test_id("figures").get_by_role("row", name=re.compile("Escapes")).get_by_text("0 / 29").wait_for()
    page.get_by_role("button", name="Go live").click()
    confirm(page, "Go live")
    page.get_by_test_id("line-state").get_by_text("LIVE", exact=True).wait_for()
    page.get_by_label("Label").select_option("OK")
    page.get_by_role("button", name=re.compile("Remove challenge part")).first.click()
    page.get_by_role("dialog").get_by_role("img", name=re.compile("OK")).wait_for()
    confirm(page, "Remove", "the wrong board")
    page.get_by_test_id("challenge-counts").get_by_text("4 OK, 29 NG").wait_for()


def test_these_pages_meet_wcag_and_do_not_scroll_sideways(page: Page, console: LineConsole) -> None:
    for address in PAGES:
        page.goto(f"{address}?lang=en")
        page.locator("h1").wait_for()
        page.wait_for_timeout(300)
        assert wcag_violations(page) == [], address
        for width, height in ((1024, 768), (768, 1024)):
            page.set_viewport_size({"width": width, "height": height})
            for language in ("pseudo", "ko"):
                page.goto(f"{address}?lang={language}")
                page.locator("h1").wait_for()
                page.wait_for_timeout(150)
                assert sideways_scroll(page) <= 0, (address, width, language)
