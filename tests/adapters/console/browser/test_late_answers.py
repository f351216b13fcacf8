"""Answers of the service that come after a person went on, and clicks about what is not on the screen any more."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from support.console_parts import a_pass, a_reject, store
from support.databases import fetch

from inspector.access.users import Users
from inspector.adapters.ledger import SqlPeople
from inspector.domain.person import Role

from .conftest import Console
from .floor import Floor, open_desk, part
from .held_answers import HeldAnswer, end_leases

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def rows(page: Page) -> Any:
    return page.get_by_test_id("parts").locator("tbody tr")


def expect_rows(page: Page, *texts: str) -> None:
    from playwright.sync_api import expect  # where it is missing the tests are skipped before

    expect(rows(page)).to_contain_text(list(texts))


def test_list_shows_the_newest_filter_though_an_older_one_is_answered_last(page: Page, console: Console) -> None:
    store(console.ledger, a_pass("r1"), a_reject("r2"))
    page.goto("/parts")
    expect_rows(page, "REJECT", "PASS")
    held = HeldAnswer(page, "**/api/v1/parts?*disposition=PASS*")
    page.get_by_label("Verdict").select_option("PASS")
    held.wait()
    page.get_by_label("Verdict").select_option("REJECT")
    expect_rows(page, "REJECT")
    held.release()
    expect_rows(page, "REJECT")


def test_part_that_comes_while_the_list_is_read_stays_in_it(page: Page, console: Console) -> None:
    store(console.ledger, a_pass("r1", part_id="SN-1"))
    held = HeldAnswer(page, "**/api/v1/parts?*")
    page.goto("/parts")
    held.wait()
    page.get_by_test_id("light").get_by_text("Live").wait_for()
    store(console.ledger, a_reject("r2", part_id="SN-2"))
    expect_rows(page, "SN-2")
    held.release()
    expect_rows(page, "SN-2", "SN-1")


def test_search_that_is_answered_after_the_page_was_left_leads_nowhere(page: Page, console: Console) -> None:
    store(console.ledger, a_pass("r1", part_id="SN-1"))
    page.goto("/parts")
    held = HeldAnswer(page, "**/api/v1/parts?part_id=SN-1*")
    page.get_by_label("Trigger, part id").fill("SN-1")
    page.get_by_role("button", name="Find").click()
    held.wait()
    page.get_by_role("link", name="Events").click()
    page.get_by_role("heading", name="Events").wait_for()
    held.release()
    assert page.url.endswith("/events")


def test_address_that_is_no_text_is_an_unknown_page(page: Page) -> None:
    page.goto("/parts/%E0%A4")
    page.get_by_role("heading", name="Page not found").wait_for()


def test_second_click_of_a_double_click_answers_no_part_that_nobody_saw(floor: Floor) -> None:
    page = open_desk(floor, "bob")
    page.get_by_test_id("answer-ok").dblclick()
    page.wait_for_function("() => document.querySelector('[data-testid=desk]').dataset.painted === 'r01'")
    assert floor.wait_stored(page, 1) == [("r00", "OK", "bob")]
    assert part(page) == "r01"
    assert len(floor.stored()) == 1


def test_parts_that_are_leased_after_their_page_was_left_go_back_to_the_queue(floor: Floor) -> None:
    page = floor.open_page("bob")
    held = HeldAnswer(page, "**/review-leases")
    page.goto("/review")
    held.wait()
    page.get_by_role("link", name="Events").click()
    page.get_by_role("heading", name="Events").wait_for()
    assert fetch(floor.url, "SELECT count(*) FROM review_leases") == [(5,)]
    given_back: list[str] = []
    page.on("requestfinished", lambda sent: given_back.append(sent.url) if sent.method == "DELETE" else None)
    held.release()
    while len(given_back) < 5:
        page.wait_for_timeout(20)
    assert fetch(floor.url, "SELECT count(*) FROM review_leases") == [(0,)]


def test_many_parts_are_not_answered_after_their_lease(floor: Floor) -> None:
    page = floor.open_page("bob")

    page.route("**/review-leases", end_leases)
    page.goto("/review?view=grid")
    page.get_by_text("others may have it now").wait_for()
    assert page.get_by_test_id("bulk-ok").is_disabled()


def test_roles_that_somebody_else_changed_under_an_open_form_are_not_overwritten(floor: Floor) -> None:
    floor.errors_expected.append("412")
    page = floor.open_page("ann")
    page.goto("/admin/users")
    row = page.get_by_test_id("users").locator("tr", has=page.get_by_role("cell", name="bob", exact=True))
    row.get_by_role("button", name="Change roles").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Role").select_option("VIEWER")
    with closing(SqlPeople(floor.url)) as people:
        Users(people).set_roles("bob", {"*": Role.ENGINEER}, "cli:root")
    dialog.get_by_role("button", name="Change roles").click()
    dialog.get_by_role("alert").wait_for()
    row.get_by_text("every line: engineer").wait_for()
    [(roles,)] = fetch(floor.url, "SELECT roles FROM users WHERE name = 'bob'")
    assert "ENGINEER" in str(roles)
