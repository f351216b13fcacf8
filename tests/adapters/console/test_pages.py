"""The pages in a real browser, against the real server: what users see and do, and what stays hidden."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest
from support.console_api import services_of
from support.console_parts import a_pass, a_picture, a_reject, store
from support.fakes import MemoryEvidence, MemoryLedger, a_pipeline, live_version

from inspector.adapters.console.app import console_app
from inspector.adapters.console.server import RunningConsole
from inspector.domain.decision import Decision, Reason, Verdict
from inspector.domain.declared import Disposition, Severity
from inspector.domain.frame import FrameKey
from inspector.domain.part import PartState
from inspector.domain.report import Finding, Words, WordsState
from inspector.ports.ledger import CameraRow, Event
from inspector.utc import utc_now

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM: Final = Path("/usr/bin/chromium")
FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TIMEOUT_MS: Final = 20_000
HOSTILE: Final = "</script><script>document.title='owned'</script>${1}`<img src=x onerror=\"document.title='owned'\">"


class Console(NamedTuple):
    address: str
    ledger: MemoryLedger
    evidence: MemoryEvidence


@pytest.fixture(scope="module")
def served() -> Iterator[Console]:
    """Serve one console on an event loop of its own thread: a process can have only one."""
    ledger, evidence = MemoryLedger([live_version(a_pipeline(cameras=["cam1"]), 1, ())]), MemoryEvidence()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    running = RunningConsole(console_app(services_of(ledger, evidence), topic_root="acme/plant1"), "127.0.0.1", port)
    asyncio.run_coroutine_threadsafe(running.start(), loop).result(60)
    yield Console(f"http://127.0.0.1:{port}", ledger, evidence)
    asyncio.run_coroutine_threadsafe(running.close(), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def console(served: Console) -> Console:
    """Return the served console without any records."""
    for records in (served.ledger.rows, served.ledger.seen, served.ledger.events, served.evidence.pictures):
        records.clear()
    served.ledger.away = False
    return served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, console: Console) -> Iterator[Page]:
    """Open a tab; fail the test if the page sends a request to another host."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=console.address)
    context.set_default_timeout(TIMEOUT_MS)
    page, urls = context.new_page(), list[str]()
    page.on("request", lambda request: urls.append(request.url))
    page.on("websocket", lambda opened: urls.append(opened.url))
    yield page
    context.close()
    here = re.compile(rf"(http|ws)://{re.escape(console.address.removeprefix('http://'))}/|data:|blob:")
    assert [url for url in urls if not here.match(url)] == []


def wait_for_rows(page: Page, count: int, text: str = "") -> None:
    """Wait until `count` listed parts show the text in their row."""
    from playwright.sync_api import expect  # where it is missing the tests are skipped before

    listed = page.get_by_test_id("parts").locator("tbody tr", has_text=text)
    expect(listed).to_have_count(count, timeout=TIMEOUT_MS)


def test_the_list_shows_a_part_soon_after_it_was_stored(page: Page, console: Console) -> None:
    store(console.ledger, a_pass("r1", part_id="SN-1"))
    page.goto("/")
    wait_for_rows(page, 1)
    store(console.ledger, a_reject("r2", part_id="SN-2"))
    wait_for_rows(page, 1, "SN-2")
    row = page.get_by_test_id("parts").locator("tbody tr").first.inner_text()
    for shown in ("REJECT", "Scratch", "NG", "p(NG) 0.92", "3 votes × 2 rungs", "120 ms", "pcb / cam1"):
        assert shown in row
    assert page.title() == "Live · inspector"


def test_the_totals_follow(page: Page, console: Console) -> None:
    store(console.ledger, a_pass("r1"), a_reject("r2"), a_pass("r3"), a_pass("r4"))
    page.goto("/")
    totals = page.get_by_test_id("totals")
    totals.get_by_text("75.0%").wait_for()
    assert re.search(r"p99 1[0-2]\d ms", totals.inner_text()), "from buckets of a quarter of the value"


def test_a_click_opens_the_report_with_picture_box_and_votes(page: Page, console: Console) -> None:
    store(console.ledger, a_reject("r2", evidence=console.evidence.put(a_picture(), "image/jpeg"), part_id="SN-2"))
    page.goto("/")
    page.get_by_role("link", name="REJECT, part SN-2").click()
    page.wait_for_url("**/part/r2")
    assert "above this line's REJECT limit of 0.80" in page.get_by_test_id("verdict").inner_text()
    picture, box = page.get_by_test_id("picture").bounding_box(), page.locator(".boxes rect").first.bounding_box()
    assert picture
    assert box
    assert (box["x"] - picture["x"]) / picture["width"] == pytest.approx(0.28, abs=0.03)
    assert (box["y"] - picture["y"]) / picture["height"] == pytest.approx(0.37, abs=0.03)
    assert page.get_by_test_id("picture").evaluate("image => image.naturalWidth") == 200
    votes = page.get_by_test_id("votes").inner_text()
    for shown in ("direct", "checklist", "0.970", "I am not sure", "unreadable", "held right 0.83"):
        assert shown in votes
    assert votes.count("held right") == 1
    assert "A bright scratch across the board." in page.get_by_test_id("findings").inner_text()


def test_the_arrow_keys_go_through_the_parts_of_the_line(page: Page, console: Console) -> None:
    other = a_pass("other", key=FrameKey("bakery", "cam1", "t"))
    store(console.ledger, a_pass("r1"), other, a_pass("r2"))
    page.goto("/part/r2")
    page.get_by_test_id("verdict").wait_for()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/part/r1")
    page.get_by_test_id("verdict").wait_for()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**/part/r2")
    page.get_by_test_id("verdict").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_url(f"{console.address}/")


def test_newer_leads_to_a_part_that_came_after_the_page_was_opened(page: Page, console: Console) -> None:
    store(console.ledger, a_pass("r1"))
    page.goto("/part/r1")
    page.get_by_role("button", name="Newer").click()
    page.get_by_text("There is no newer part of line pcb").wait_for()
    store(console.ledger, a_pass("r2"))
    page.get_by_role("button", name="Newer").click()
    page.wait_for_url("**/part/r2")


def test_the_list_can_be_used_without_a_mouse(page: Page, console: Console) -> None:
    store(console.ledger, a_pass("r1"))
    page.goto("/")
    wait_for_rows(page, 1)
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "row-link":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/part/r1")


def test_words_appear_when_they_are_written(page: Page, console: Console) -> None:
    pending = a_reject("r2", words=Words(WordsState.PENDING), state=PartState.DECIDED)
    store(console.ledger, pending)
    page.goto("/part/r2")
    page.get_by_text("the model is still writing").wait_for()
    found = Finding("short", Severity.CRITICAL, None, "Two pads are bridged.")
    written = Words(WordsState.WRITTEN, (found,))
    console.ledger.rows[0] = console.ledger.rows[0]._replace(
        part=replace(pending, words=written, state=PartState.PUBLISHED)
    )
    page.get_by_text("Two pads are bridged.").wait_for()


def test_filters_narrow_the_list_and_stand_in_the_address(page: Page, console: Console) -> None:
    store(console.ledger, a_pass("r1"), a_reject("r2"), a_pass("r3", key=FrameKey("bakery", "cam1", "t")))
    page.goto("/")
    wait_for_rows(page, 3)
    page.get_by_role("button", name="REJECT").click()
    page.wait_for_url("**/?disposition=REJECT")
    wait_for_rows(page, 1)
    page.get_by_role("link", name="bakery", exact=True).click()
    page.wait_for_url("**/?line=bakery")
    wait_for_rows(page, 1, "bakery / cam1")
    wait_for_rows(page, 1)


def test_a_filter_that_hides_everything_says_so(page: Page, console: Console) -> None:
    store(console.ledger, a_pass("r1"))
    page.goto("/?disposition=REJECT")
    page.get_by_text("No part matches this filter").wait_for()
    page.get_by_role("link", name="Show all parts").click()
    wait_for_rows(page, 1)


def test_a_paused_list_stands_still_until_resumed(page: Page, console: Console) -> None:
    store(console.ledger, a_pass("r1"))
    page.goto("/")
    wait_for_rows(page, 1)
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").wait_for()
    store(console.ledger, a_pass("r2"))
    page.get_by_test_id("totals").get_by_text("2 parts").wait_for()
    wait_for_rows(page, 1)
    page.get_by_role("button", name="Resume").click()
    wait_for_rows(page, 1, "t-r2")


def test_older_parts_are_a_page_away(page: Page, console: Console) -> None:
    store(console.ledger, *(a_pass(f"r{n:03d}") for n in range(1, 101)))
    page.goto("/")
    wait_for_rows(page, 1, "t-r100")
    page.get_by_role("button", name="Older").click()
    wait_for_rows(page, 1, "t-r001")
    wait_for_rows(page, 40)
    page.get_by_role("button", name="Newer").click()
    wait_for_rows(page, 1, "t-r100")


def test_without_frames_the_page_names_the_topic_to_publish_to(page: Page, console: Console) -> None:
    page.goto("/")
    page.get_by_text("No frames yet: connect a camera").wait_for()
    assert page.get_by_test_id("topic").inner_text() == "acme/plant1/pcb/cam1/frame"
    store(console.ledger, a_pass("r1"))
    wait_for_rows(page, 1)
    page.get_by_text("No frames yet").wait_for(state="hidden")


def test_an_unknown_camera_is_offered_on_both_pages(page: Page, console: Console) -> None:
    now = utc_now()
    console.ledger.seen["pcb", "cam9"] = CameraRow("pcb", "cam9", False, None, now, now, 3, 0, None)
    page.goto("/")
    page.get_by_text("Unknown, connect it? pcb/cam9").wait_for()
    page.get_by_role("link", name="See the cameras").click()
    page.get_by_test_id("cameras").get_by_text("unknown, connect it?").wait_for()


def test_events_are_listed_as_text(page: Page, console: Console) -> None:
    console.ledger.events.append(Event("e1", "pcb", None, "FRAMES_LOST", "ALARM", HOSTILE, utc_now(), 7))
    page.goto("/events")
    page.get_by_test_id("events").get_by_text(HOSTILE).wait_for()
    assert page.title() == "Events · inspector"


def test_hostile_and_endless_text_is_shown_as_text(page: Page, console: Console) -> None:
    decision = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.MODEL_ERROR, HOSTILE)
    found = Finding("scratch", Severity.MINOR, None, HOSTILE + "x" * 3000)
    words = Words(WordsState.WRITTEN, (found,), HOSTILE)
    vote = replace(a_reject().votes[1], text=HOSTILE[:200])
    broken = console.evidence.put(f"<html>{HOSTILE}".encode(), "image/jpeg")
    hostile = a_pass("r1", decision=decision, words=words, votes=(vote,), part_id=HOSTILE, lot="L" * 5000)
    store(console.ledger, replace(hostile, evidence=broken))
    page.goto("/")
    page.get_by_test_id("parts").get_by_text(HOSTILE).first.wait_for()
    page.get_by_test_id("parts").get_by_role("link").click()
    page.get_by_test_id("findings").get_by_text(HOSTILE).wait_for()
    page.get_by_test_id("votes").get_by_text(HOSTILE[:100]).wait_for()
    page.get_by_text("L" * 5000).wait_for()
    assert page.title() == f"REVIEW {HOSTILE} · inspector"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.get_by_test_id("picture").evaluate("image => image.src").endswith("side=2048")


def test_the_database_going_away_is_said_and_survived(page: Page, console: Console) -> None:
    store(console.ledger, a_pass("r1"))
    page.goto("/")
    wait_for_rows(page, 1)
    console.ledger.away = True
    page.get_by_text("The database can't be read: the database is away").wait_for()
    wait_for_rows(page, 1)
    console.ledger.away = False
    page.get_by_text("The database can't be read").wait_for(state="hidden")


@pytest.mark.parametrize("address", ["/part/r1", "/cameras", "/events", "/"])
def test_a_page_opened_while_the_database_is_away_says_so(page: Page, console: Console, address: str) -> None:
    console.ledger.away = True
    page.goto(address)
    page.get_by_text("The database can't be read").first.wait_for()
    assert "Traceback" not in page.content()


@pytest.mark.parametrize(("address", "expected"), [("/part/nobody", "no part with this id"), ("/x", "no such page")])
def test_what_does_not_exist_is_404_with_a_way_back(page: Page, address: str, expected: str) -> None:
    answer = page.goto(address)
    assert answer
    assert answer.status == 404
    page.get_by_text(expected).wait_for()
    page.get_by_role("link", name="Show the newest parts").wait_for()


def test_the_chosen_theme_holds_on_the_next_page(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("menuitem", name="Dark").click()
    page.locator("body.body--dark").wait_for()
    page.goto("/events")
    page.locator("body.body--dark").wait_for()


def test_the_api_is_served_with_the_pages(page: Page, console: Console) -> None:
    store(console.ledger, a_pass("r1"))
    assert page.request.get("/api/v1/health").json()["newest_part"] == 1
    assert page.request.get("/api/v1/nothing").status == 404


def test_a_tablet_shows_the_list_without_scrolling_sideways(page: Page, console: Console) -> None:
    store(console.ledger, a_reject("r2", part_id="SN-1"))
    page.set_viewport_size({"width": 820, "height": 1180})
    page.goto("/")
    wait_for_rows(page, 1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
