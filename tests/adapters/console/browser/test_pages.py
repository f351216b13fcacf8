"""Pages as people use them: lists that follow the line, places that survive, a light that tells the truth."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from support.browser_pages import ServedConsole
from support.console_parts import a_pass, a_picture, a_reject, store
from support.fakes import NOON, a_pipeline, new_version

from inspector.adapters.console.web_pages import DIST
from inspector.domain.decision import Decision, Reason, Verdict
from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey
from inspector.messages.events import EVENT_DEFINITIONS
from inspector.ports.ledger import CameraRow, Event
from inspector.utc import utc_now

from .conftest import Console

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser
HOSTILE = "</script><script>document.title='owned'</script>${1}`<img src=x onerror=\"document.title='owned'\">"


def rows(page: Page) -> Any:
    return page.get_by_test_id("parts").locator("tbody tr")


def expect_count(page: Page, count: int, text: str = "") -> None:
    from playwright.sync_api import expect  # where it is missing the tests are skipped before

    expect(rows(page).filter(has_text=text)).to_have_count(count)


def wait_for_picture(page: Page) -> None:
    """Wait until the picture of a part is laid out."""
    page.get_by_test_id("viewer").locator("img").first.evaluate("image => image.decode()")
    page.wait_for_timeout(100)


def fill(console: Console) -> None:
    picture = console.evidence.put(a_picture(), "image/jpeg")
    store(console.ledger, a_pass("r1", evidence=picture), a_reject("r2", evidence=picture, part_id="SN-2"))
    console.ledger.seen["pcb", "cam1"] = CameraRow("pcb", "cam1", True, "online", NOON, utc_now(), 3, 0, None)
    console.ledger.events.append(Event("e1", "pcb", "cam1", "FRAMES_LOST", "ALARM", "7 frames lost", utc_now(), 7))


def test_list_shows_a_part_soon_after_it_was_stored(page: Page, console: Console) -> None:
    store(console.ledger, a_pass("r1", part_id="SN-1"))
    page.goto("/parts")
    expect_count(page, 1, "SN-1")
    page.get_by_test_id("light").get_by_text("Live").wait_for()
    store(console.ledger, a_reject("r2", part_id="SN-2"))
    expect_count(page, 1, "SN-2")
    assert "REJECT" in rows(page).first.inner_text()
    assert page.title() == "Parts · inspector"


def test_overview_counts_unjudged_parts_apart_from_doubt(page: Page, console: Console) -> None:
    late = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DEADLINE)
    doubt = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT)
    store(
        console.ledger,
        a_pass("r1"),
        a_reject("r2"),
        a_pass("r3", decision=late, votes=()),
        a_pass("r4", decision=doubt),
    )
    page.goto("/")
    card = page.get_by_test_id("line-card")
    for name, count in {"PASS": 1, "REJECT": 1, "REVIEW": 1, "unjudged": 1}.items():
        card.get_by_test_id(f"count-{name}").get_by_text(str(count), exact=True).wait_for()


def test_part_opens_with_picture_boxes_and_votes(page: Page, console: Console) -> None:
    fill(console)
    page.goto("/parts?disposition=REJECT")
    rows(page).first.click()
    page.wait_for_url("**/parts/r2?disposition=REJECT")
    page.get_by_test_id("votes").locator("tbody tr").nth(2).wait_for()
    wait_for_picture(page)
    box = page.get_by_test_id("box").bounding_box()
    picture = page.get_by_test_id("viewer").locator("img").first.bounding_box()
    assert box is not None
    assert picture is not None
    assert box["x"] == pytest.approx(picture["x"] + 0.28 * picture["width"], abs=2)
    assert box["width"] == pytest.approx(0.35 * picture["width"], abs=4)
    page.get_by_role("link", name="← Parts").click()
    page.wait_for_url("**/parts?disposition=REJECT")


def test_viewer_zooms_at_the_pointer_and_hides_boxes(page: Page, console: Console) -> None:
    fill(console)
    page.goto("/parts/r2")
    wait_for_picture(page)
    before = page.get_by_test_id("box").bounding_box()
    page.get_by_role("button", name="Zoom in").click()
    after = page.get_by_test_id("box").bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] == pytest.approx(1.5 * before["width"], rel=0.05)
    page.keyboard.press("b")
    assert page.get_by_test_id("box").count() == 0


def test_neighbours_are_opened_by_keys(page: Page, console: Console) -> None:
    fill(console)
    page.goto("/parts/r2")
    page.get_by_role("button", name="← Older").wait_for()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**/parts/r1")


def test_place_survives_a_reload(page: Page, console: Console) -> None:
    fill(console)
    page.goto("/parts")
    page.get_by_label("Verdict").select_option("PASS")
    page.wait_for_url("**/parts?disposition=PASS")
    expect_count(page, 1)
    page.reload()
    expect_count(page, 1, "PASS")


def test_line_is_paused_from_any_page_of_it(page: Page, console: Console) -> None:
    fill(console)
    page.goto("/")
    page.get_by_test_id("pause").click()
    page.get_by_label("Reason").fill("belt")
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    page.get_by_test_id("line-state").get_by_text("PAUSED").wait_for()
    assert console.ledger.versions[0].status.state == "PAUSED"


def test_line_is_paused_from_a_page_that_is_not_about_it(page: Page, console: Console) -> None:
    page.goto("/stats?line=pcb")
    page.get_by_test_id("pause-line").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("belt")
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    page.get_by_role("dialog").wait_for(state="detached")
    assert console.ledger.versions[0].status.state == "PAUSED"
    page.get_by_test_id("pause-line").click()
    page.get_by_text("No line of yours runs").wait_for()


def test_alarm_leads_to_the_page_that_mends_it_and_is_acknowledged(page: Page, console: Console) -> None:
    told = ("ALARM", "cam9 is not declared", utc_now(), 1)
    console.ledger.events.append(Event("e1", "pcb", "cam9", "UNKNOWN_CAMERA", *told))
    page.goto("/")
    page.get_by_test_id("alarms").get_by_text("1 open alarm").click()
    page.wait_for_url("**/events?line=pcb&severity=ALARM&acknowledged=false")
    row = page.get_by_test_id("events").locator("tbody tr")
    assert row.get_by_test_id("remedy").get_attribute("href") == "/connect?line=pcb&camera=cam9"
    row.get_by_test_id("acknowledge").click()
    page.get_by_text("No event fits").wait_for()
    page.get_by_label("Acknowledged").select_option("true")
    page.reload()
    page.get_by_test_id("events").get_by_text("console,").wait_for()
    page.get_by_label("Kind").fill("OVERLOAD")
    page.get_by_label("Kind").press("Enter")
    page.get_by_text("No event fits").wait_for()
    assert "kind=OVERLOAD" in page.url


@pytest.mark.parametrize(
    ("kind", "address", "heading"),
    [
        ("UNKNOWN_CAMERA", "/connect?line=pcb&camera=cam1", "Connect a camera"),
        ("RUNG_HARMS", "/lines/pcb/tune", "Tune · pcb"),
        ("THINKING_HARMS", "/lines/pcb/tune", "Tune · pcb"),
        ("UNQUALIFIED", "/lines/pcb/qualification", "Qualification · pcb"),
        ("PICTURE_DRIFT", "/cameras/pcb/cam1", "pcb / cam1"),
        ("REVIEW_BACKLOG", "/review?line=pcb", "Review"),
    ],
)
def test_each_alarm_leads_to_the_page_that_mends_it(
    page: Page, console: Console, kind: str, address: str, heading: str, expected_errors: list[str]
) -> None:
    expected_errors.append("Failed to load resource")  # these records hold less than the page reads
    console.ledger.events.append(Event("e1", "pcb", "cam1", kind, "ALARM", "see there", utc_now(), 1))
    page.goto("/events")
    page.get_by_test_id("events").get_by_test_id("remedy").click()
    page.wait_for_url(f"**{address}")
    page.get_by_role("heading", name=heading, level=1).wait_for()


def test_every_alarm_with_a_remedy_is_one_that_the_service_raises() -> None:
    named = re.findall(r"^  ([A-Z_]+): \[", (DIST.parent / "src" / "lib" / "remedies.ts").read_text(), re.MULTILINE)
    assert named
    assert set(named) <= EVENT_DEFINITIONS.keys()


def test_line_goes_live_by_an_override_with_a_reason_only(
    page: Page, console: Console, expected_errors: list[str]
) -> None:
    expected_errors.append("422")
    console.ledger.versions = [new_version(a_pipeline(cameras=["cam1"]))]
    page.goto("/lines/pcb")
    page.get_by_role("button", name="Go live").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Go live").click()
    dialog.get_by_role("alert").get_by_text("is not qualified").wait_for()
    dialog.get_by_label(re.compile("Override")).fill("2")
    dialog.get_by_label("Reason").fill("trial run")
    dialog.get_by_role("button", name="Go live").click()
    page.get_by_text("Passes by an override").wait_for()


def test_light_goes_off_when_the_service_stops_and_on_when_it_is_back(
    page: Page, console: Console, served: ServedConsole, expected_errors: list[str]
) -> None:
    expected_errors += ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "Failed to load"]
    page.goto("/parts")
    page.get_by_test_id("light").get_by_text("Live").wait_for()
    served.stop()
    try:
        page.get_by_test_id("light").get_by_text("No connection").wait_for(timeout=10_000)
        store(console.ledger, a_pass("r9", part_id="SN-9"))
    finally:
        served.start()
    page.get_by_test_id("light").get_by_text("Live").wait_for(timeout=30_000)
    expect_count(page, 1, "SN-9")


def test_more_tabs_than_a_browser_has_connections_all_follow_the_line(
    page: Page, context: BrowserContext, console: Console
) -> None:
    tabs = [context.new_page() for _ in range(8)]
    for tab in tabs:
        tab.goto("/parts")
        tab.get_by_test_id("light").get_by_text("Live").wait_for()
    store(console.ledger, a_pass("r1", part_id="SN-1"))
    for tab in tabs:
        expect_count(tab, 1, "SN-1")
    tabs.pop(0).close()  # the oldest one, which holds the stream
    store(console.ledger, a_pass("r2", part_id="SN-2"))
    for tab in tabs:
        expect_count(tab, 1, "SN-2")
        expect_count(tab, 2)
        assert tab.get_by_test_id("light").inner_text() == "Live"


def test_age_of_a_silent_line_grows_by_the_browsers_clock(page: Page, console: Console) -> None:
    store(console.ledger, a_pass("r1"))
    page.goto("/")
    age = page.get_by_test_id("newest-age")
    age.get_by_text(re.compile(r"[3-9] s ago")).wait_for()


def test_ledger_away_is_said(page: Page, console: Console, expected_errors: list[str]) -> None:
    expected_errors.append("503")
    page.goto("/parts")
    page.get_by_test_id("light").get_by_text("Live").wait_for()
    console.ledger.away = True
    page.get_by_test_id("light").get_by_text("Ledger away").wait_for()


def test_empty_states_say_what_to_do_with_the_brokers_address(page: Page, console: Console) -> None:
    console.ledger.versions = []
    page.goto("/")
    page.get_by_text("Cameras publish to broker.plant, port 1883").wait_for()
    page.goto("/cameras")
    page.get_by_text("mosquitto_pub -V 5 -q 1 -h broker.plant -p 1883").wait_for()


def test_hostile_text_stays_text(page: Page, console: Console) -> None:
    decision = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.MODEL_ERROR, HOSTILE)
    store(console.ledger, a_pass("r1", decision=decision, part_id=HOSTILE, key=FrameKey("pcb", "cam1", "t")))
    page.goto("/parts/r1")
    page.locator(".free", has_text="document.title='owned'").first.wait_for()
    assert "owned" not in page.title()


def test_statistics_are_printed_dark_on_white_and_leave_as_csv(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto("/stats?days=7")
    page.get_by_test_id("yield").wait_for()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.get_by_test_id("light").is_hidden()
    assert page.locator("body").evaluate("each => getComputedStyle(each).color") == "rgb(22, 32, 45)"
    page.emulate_media(media="screen")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert download.value.path().read_text().startswith("period,parts,pass,review,reject,unjudged,late,first_pass")


def test_kiosk_is_legible_from_two_metres(page: Page, console: Console) -> None:
    fill(console)
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto("/lines/pcb/kiosk")
    word = page.get_by_test_id("kiosk-verdict")
    word.get_by_text("REJECT").wait_for()
    assert float(word.evaluate("each => parseFloat(getComputedStyle(each).fontSize)")) >= 96


def test_every_text_stands_in_both_catalogues() -> None:
    english, korean = (json.loads((DIST.parent / "src" / "i18n" / f"{each}.json").read_text()) for each in ("en", "ko"))
    assert english.keys() == korean.keys()
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", korean[key])), key
