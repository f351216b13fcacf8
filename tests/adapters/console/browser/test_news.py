"""Parts and alarms that a page has read already when the news of them come: each is shown, and counted, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.console_parts import a_pass, a_reject, store

from inspector.ports.ledger import Event
from inspector.utc import utc_now

from .conftest import Console
from .held_answers import HeldAnswer
from .held_news import HeldNews

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture
def news(page: Page, console: Console) -> HeldNews:
    """Two parts are stored before the page is opened."""
    store(console.ledger, a_reject("r1"), a_pass("r2"))
    return HeldNews(page)


def listed(page: Page, console: Console) -> list[Any]:
    """What the service lists, newest first."""
    parts: list[Any] = page.request.get(f"{console.address}/api/v1/parts").json()["parts"]
    return parts


def numbers(page: Page) -> list[str]:
    rows = page.get_by_test_id("parts").locator("tbody tr").all()
    return [row.get_attribute("data-number") or "" for row in rows]


@pytest.mark.parametrize("address", ["/parts", "/parts?line=pcb", "/lines/pcb"])
def test_list_shows_a_part_once_that_was_read_before_its_news_came(
    page: Page, console: Console, news: HeldNews, address: str
) -> None:
    page.goto(address)
    page.get_by_test_id("parts").wait_for()
    known = listed(page, console)
    store(console.ledger, a_reject("r3"))
    further = listed(page, console)[0]
    news.tell("part", *reversed(known), further)
    assert numbers(page) == ["3", "2", "1"]


def test_part_that_came_late_stands_at_its_place(page: Page, console: Console, news: HeldNews) -> None:
    page.goto("/parts")
    page.get_by_test_id("parts").wait_for()
    store(console.ledger, a_pass("r3"), a_pass("r4"))
    fourth, third, *_ = listed(page, console)
    news.tell("part", fourth, third)
    assert numbers(page) == ["4", "3", "2", "1"]


def test_page_of_older_parts_counts_each_new_part_once(page: Page, console: Console, news: HeldNews) -> None:
    page.goto("/parts?before=2")
    page.get_by_test_id("parts").wait_for()
    second, first = listed(page, console)
    news.tell("part", first, second)
    page.get_by_role("button", name="Show 1 new part").wait_for()
    assert numbers(page) == ["1"]


def test_kiosk_shows_each_reject_once_and_the_newest_part(page: Page, console: Console, news: HeldNews) -> None:
    page.goto("/lines/pcb/kiosk")
    word = page.get_by_test_id("kiosk-verdict")
    word.get_by_text("PASS").wait_for()
    store(console.ledger, a_reject("r3"))
    third, _, first = listed(page, console)
    news.tell("part", third, first)
    word.get_by_text("REJECT").wait_for()
    page.locator("figure").nth(1).wait_for()
    assert page.locator("figure").count() == 2
    assert "t-r3" in page.locator(".why").inner_text()


def test_overview_counts_each_part_and_each_alarm_once(page: Page, console: Console, news: HeldNews) -> None:
    alarm = Event("e1", "pcb", "cam1", "FRAMES_LOST", "ALARM", "7 frames lost", utc_now(), 7)
    console.ledger.events.append(alarm)
    page.goto("/")
    card = page.get_by_test_id("line-card")
    card.get_by_test_id("alarms").get_by_text("1 open alarm").wait_for()
    known = listed(page, console)
    store(console.ledger, a_reject("r3"))
    news.tell("part", *reversed(known), listed(page, console)[0])
    events = page.request.get(f"{console.address}/api/v1/events").json()["events"]
    news.tell("event", *events)
    for name, count in {"PASS": 1, "REJECT": 2, "REVIEW": 0}.items():
        assert card.get_by_test_id(f"count-{name}").locator("strong").inner_text() == str(count), name
    assert "1 open alarm" in card.get_by_test_id("alarms").inner_text()


def test_overview_counts_a_part_that_comes_while_the_totals_are_read(
    page: Page, console: Console, news: HeldNews
) -> None:
    totals = HeldAnswer(page, "**/api/v1/totals?*")
    page.goto("/")
    totals.wait()
    store(console.ledger, a_pass("r3"))
    news.tell("part", listed(page, console)[0])
    totals.release()
    page.get_by_test_id("count-PASS").get_by_text("2", exact=True).wait_for()
