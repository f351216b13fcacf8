"""People review parts in a real Chromium, over a real ledger and with logins: every answer is stored once."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from support.browser_pages import ServedConsole, sideways_scroll, wcag_violations
from support.console_api import ReviewStores, services_of
from support.console_parts import a_picture
from support.databases import fetch
from support.fakes import MemoryEvidence, a_part, a_pipeline
from support.people import PASSWORD

from inspector.access.audit import Audit
from inspector.access.sessions import Sessions
from inspector.access.tokens import Tokens
from inspector.access.users import Users
from inspector.adapters.console.access import AccessServices
from inspector.adapters.console.web_pages import DIST
from inspector.adapters.ledger import (
    DeclaredVersion,
    SqlArchive,
    SqlAuditStore,
    SqlLeaseStore,
    SqlLedger,
    SqlLineStore,
    SqlPeople,
    SqlReviewStore,
    store_versions,
    upgrade,
)
from inspector.domain.decision import Decision, Reason, Verdict
from inspector.domain.declared import Disposition
from inspector.domain.person import Role
from inspector.messages.topics import Topics

from .test_pages import SIZES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

pytestmark = pytest.mark.browser
OPEN: Final = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT)
TIMEOUT_MS: Final = 20_000
PAGES: Final = ("/review", "/review?view=grid", "/review/disputed", "/admin/users", "/account", "/audit", "/parts/r00")
NETWORK_AWAY: Final = ("net::ERR_", "401 (Unauthorized)")
PAINTED: Final = """before => {
    const desk = document.querySelector('[data-testid=desk]')
    return desk && desk.dataset.part !== before && desk.dataset.painted === desk.dataset.part
}"""


@dataclass
class Floor:
    """A line with parts that wait, its console, and the people who log in to it."""

    served: ServedConsole
    url: str
    users: Users
    open_page: Callable[[str], Page]
    errors: list[str]

    def stored(self) -> list[tuple[str, str, str]]:
        """Part, answer and reviewer of each row, oldest first; a withdrawal's answer is an empty text."""
        rows = fetch(
            self.url,
            "SELECT parts.result_id, reviews.label, reviews.reviewer FROM reviews"
            " JOIN parts ON parts.number = reviews.part ORDER BY reviews.number",
        )
        return [(part, label or "", reviewer) for part, label, reviewer in rows]

    def wait_stored(self, page: Page, count: int) -> list[tuple[str, str, str]]:
        for _ in range(TIMEOUT_MS // 100):
            if len(self.stored()) >= count:
                break
            page.wait_for_timeout(100)
        return self.stored()


def record(url: str, evidence: MemoryEvidence, count: int) -> None:
    async def add() -> None:
        async with SqlLedger(url) as ledger:
            for number in range(count):
                picture = evidence.put(a_picture(200 + number), "image/jpeg")
                await ledger.record(
                    a_part(f"t{number}", result_id=f"r{number:02}", decision=OPEN, evidence=picture), []
                )

    with ThreadPoolExecutor(1) as thread:  # this thread runs the browser's event loop
        thread.submit(asyncio.run, add()).result()


@pytest.fixture
def floor(browser: Browser, tmp_path: Path) -> Iterator[Floor]:
    if not (DIST / "index.html").is_file():
        pytest.skip("the pages are not built: make web")
    upgrade(url := f"sqlite:///{tmp_path / 'ledger.db'}")
    store_versions(url, [DeclaredVersion(a_pipeline(reviews={"audit_review": 0.0}), ())])
    record(url, evidence := MemoryEvidence(), 34)
    with ExitStack() as open_now:
        archive, people = (
            open_now.enter_context(closing(SqlArchive(url))),
            open_now.enter_context(closing(SqlPeople(url))),
        )
        store = open_now.enter_context(closing(SqlReviewStore(url, Topics())))
        leases = open_now.enter_context(closing(SqlLeaseStore(url)))
        audit = open_now.enter_context(closing(SqlAuditStore(url)))
        users = Users(people)
        users.add("ann", {"*": Role.ADMIN}, PASSWORD, "cli:root")
        users.add("bob", {"*": Role.REVIEWER}, PASSWORD, "ann")
        access = AccessServices(users, Sessions(people, people), Tokens(people), Audit(audit))
        lines, stores = SqlLineStore(url), ReviewStores(archive, store, leases)
        served = ServedConsole(services_of(archive, evidence, lines=lines, reviews=stores, access=access))
        open_now.callback(served.end)
        errors: list[str] = []
        yield Floor(served, url, users, lambda name: _log_in(browser, served, open_now, errors, name), errors)
    assert [each for each in errors if not any(known in each for known in NETWORK_AWAY)] == []


def _log_in(browser: Browser, served: ServedConsole, open_now: ExitStack, errors: list[str], name: str) -> Page:
    address = f"http://127.0.0.1:{served.port}"
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=address, locale="en-GB")
    open_now.callback(context.close)
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    _watch(page, address, errors)
    page.goto("/review")
    fill_login(page, name)
    return page


def _watch(page: Page, address: str, errors: list[str]) -> None:
    """Note errors in the browser's log, and requests to other hosts."""

    def note_log(said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            errors.append(said.text)

    def note_request(sent: Request) -> None:
        if not sent.url.startswith((address, "blob:")):
            errors.append(f"foreign: {sent.url}")

    page.on("console", note_log)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", note_request)


def fill_login(page: Page, name: str) -> None:
    page.get_by_label("User").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_test_id("desk").wait_for()


def part(page: Page) -> str:
    return page.get_by_test_id("desk").get_attribute("data-part") or ""


def press(page: Page, *keys: str) -> str:
    """Press keys that answer a part; return the part that is painted next."""
    before = part(page)
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_function(PAINTED, arg=before)
    return part(page)


def test_thirty_parts_are_reviewed_by_keys_alone(floor: Floor) -> None:
    page = floor.open_page("bob")
    page.wait_for_function(PAINTED, arg="")
    shown = [part(page)]
    for number in range(30):
        keys = (["y"], ["n", "1", "Enter"], ["u"])[number % 3]
        shown.append(press(page, *keys))
    assert shown == [f"r{number:02}" for number in range(31)]
    labels = ("OK", "NG", "UNSURE")
    assert floor.wait_stored(page, 30) == [(f"r{number:02}", labels[number % 3], "bob") for number in range(30)]
    assert fetch(floor.url, "SELECT count(*) FROM reviews WHERE label = 'NG' AND classes LIKE '%scratch%'") == [(10,)]


def test_two_people_never_have_the_same_part(floor: Floor) -> None:
    pages = {name: floor.open_page(name) for name in ("ann", "bob")}
    for _ in range(8):
        for page in pages.values():
            press(page, "y")
    stored = floor.wait_stored(pages["ann"], 16)
    assert len({answered for answered, _, _ in stored}) == 16
    assert sorted(reviewer for _, _, reviewer in stored) == ["ann"] * 8 + ["bob"] * 8


def test_undo_takes_the_answer_back_and_shows_its_part(floor: Floor) -> None:
    page = floor.open_page("bob")
    assert press(page, "y") == "r01"
    assert press(page, "z") == "r00"
    press(page, "n", "2", "Enter")
    assert floor.wait_stored(page, 3) == [("r00", "OK", "bob"), ("r00", "", "bob"), ("r00", "NG", "bob")]


def test_drawn_box_is_stored_within_two_pixels(floor: Floor) -> None:
    page = floor.open_page("bob")
    page.wait_for_function(PAINTED, arg="")
    page.keyboard.press("d")
    picture = page.get_by_test_id("viewer").locator("img").first.bounding_box()
    assert picture is not None
    wanted = [0.25, 0.3, 0.7, 0.55]
    corners = [picture["x" if at % 2 == 0 else "y"] + picture["width"] * share for at, share in enumerate(wanted)]
    page.mouse.move(*corners[:2])
    page.mouse.down()
    page.mouse.move(*corners[2:], steps=5)
    page.mouse.up()
    page.get_by_test_id("box").wait_for()
    press(page, "1", "Enter")
    floor.wait_stored(page, 1)
    [(text,)] = fetch(floor.url, "SELECT boxes FROM reviews")
    [box] = json.loads(text) if isinstance(text, str) else text
    numbers = [float(each) for each in re.findall(r"\d*\.\d+", json.dumps(box))][:4]
    assert numbers == pytest.approx(wanted, abs=2 / picture["width"])
    assert "scratch" in json.dumps(box)


def test_answers_without_network_are_stored_once_when_it_is_back(floor: Floor) -> None:
    page = floor.open_page("bob")
    page.wait_for_function(PAINTED, arg="")
    page.wait_for_function(
        "() => performance.getEntriesByType('resource').filter(e => e.name.endsWith('/picture')).length >= 3"
    )
    page.context.set_offline(True)
    assert press(page, "y") == "r01"
    assert press(page, "y") == "r02"
    page.get_by_test_id("waiting").wait_for()
    assert floor.stored() == []
    page.context.set_offline(False)
    assert floor.wait_stored(page, 2) == [("r00", "OK", "bob"), ("r01", "OK", "bob")]
    page.get_by_test_id("waiting").wait_for(state="detached")


def test_answer_survives_a_stopped_service_and_a_reload(floor: Floor) -> None:
    page = floor.open_page("bob")
    page.wait_for_function(PAINTED, arg="")
    floor.served.stop()
    page.keyboard.press("y")
    page.wait_for_function("() => Object.keys(localStorage).some(key => key.startsWith('inspector.outbox.'))")
    floor.served.start()
    page.reload()
    assert floor.wait_stored(page, 1) == [("r00", "OK", "bob")]
    press(page, "y")
    assert floor.wait_stored(page, 2) == [("r00", "OK", "bob"), ("r01", "OK", "bob")]


def test_lost_confirmation_does_not_store_twice(floor: Floor) -> None:
    page = floor.open_page("bob")
    page.wait_for_function(PAINTED, arg="")
    lost: list[Any] = []

    def lose_the_first(route: Any) -> None:
        answer = route.fetch()
        if lost:
            route.fulfill(response=answer)
        else:
            lost.append(answer.status)
            route.abort()

    page.route("**/parts/*/reviews", lose_the_first)
    press(page, "y")
    page.wait_for_function("() => !Object.keys(localStorage).some(key => key.startsWith('inspector.outbox.'))")
    assert lost == [201]
    assert floor.stored() == [("r00", "OK", "bob")]


def test_answer_of_somebody_else_is_shown_and_never_stored_under_another_name(floor: Floor) -> None:
    page = floor.open_page("bob")
    page.wait_for_function(PAINTED, arg="")
    page.route("**/parts/*/reviews", lambda route: route.abort())
    press(page, "y")
    page.context.clear_cookies()
    page.unroute("**/parts/*/reviews")
    page.goto("/review")
    fill_login(page, "ann")
    page.get_by_test_id("refused").get_by_text("bob").wait_for()
    assert floor.stored() == []


def test_disputed_part_is_adjudicated(floor: Floor) -> None:
    ann, bob = floor.open_page("ann"), floor.open_page("bob")
    api = "/api/v1/parts/r20/reviews"
    for page, label in ((ann, "OK"), (bob, "NG")):
        sent = f"""async () => {{
            const who = await (await fetch('/api/v1/session')).json()
            const headers = {{'content-type': 'application/json', 'X-CSRF-Token': who.csrf}}
            return (await fetch('{api}', {{method: 'POST', headers, body: '{{"label": "{label}"}}'}})).status
        }}"""
        assert page.evaluate(sent) == 201
    ann.goto("/review/disputed")
    ann.get_by_test_id("reviews").get_by_text("bob").wait_for()
    assert part(ann) == "r20"
    ann.keyboard.press("n")
    ann.keyboard.press("Enter")
    ann.get_by_test_id("nothing-waits").wait_for()
    assert floor.wait_stored(ann, 3)[-1] == ("r20", "NG", "ann")
    assert fetch(floor.url, "SELECT mode FROM reviews ORDER BY number DESC LIMIT 1") == [("adjudication",)]


def test_blind_review_shows_no_verdict(floor: Floor) -> None:
    page = floor.open_page("bob")
    read: list[str] = []
    page.on("request", lambda sent: read.append(sent.url))
    page.goto("/review?blind=1")
    page.wait_for_function(PAINTED, arg="")
    assert "REVIEW" not in page.get_by_test_id("desk").inner_text()
    assert not [url for url in read if re.search(r"/parts/r\d+$", url)]
    press(page, "y")
    floor.wait_stored(page, 1)
    assert fetch(floor.url, "SELECT blind FROM reviews") == [(1,)]


def test_many_parts_get_one_answer_but_not_those_that_are_left_out(floor: Floor) -> None:
    page = floor.open_page("bob")
    page.goto("/review?view=grid")
    page.get_by_test_id("grid").get_by_role("button").first.click()
    page.get_by_test_id("bulk-ok").click()
    assert [answered for answered, _, _ in floor.wait_stored(page, 11)] == [f"r{number:02}" for number in range(1, 12)]


def test_keys_are_listed_and_letters_work_on_a_korean_layout(floor: Floor) -> None:
    page = floor.open_page("bob")
    page.wait_for_function(PAINTED, arg="")
    page.keyboard.press("?")
    page.get_by_test_id("keys").get_by_text("Draw a box").wait_for()
    page.keyboard.press("Escape")
    page.evaluate("dispatchEvent(new KeyboardEvent('keydown', {key: 'ㅛ', code: 'KeyY'}))")
    assert floor.wait_stored(page, 1) == [("r00", "OK", "bob")]


def test_users_tokens_and_audit_are_kept_by_their_pages(floor: Floor) -> None:
    page = floor.open_page("ann")
    page.goto("/admin/users")
    page.get_by_role("button", name="Add user").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("eve")
    dialog.get_by_label("New password").fill("short")
    dialog.get_by_role("button", name="Add user").click()
    dialog.get_by_role("alert").wait_for()
    floor.errors.clear()
    dialog.get_by_label("New password").fill(PASSWORD)
    dialog.get_by_role("button", name="Add user").click()
    row = page.get_by_test_id("users").locator("tr", has=page.get_by_role("cell", name="eve", exact=True))
    row.get_by_text("every line: reviewer").wait_for()
    row.get_by_role("button", name="Disable").click()
    row.get_by_text("disabled").wait_for()
    page.goto("/account")
    page.get_by_role("button", name="Make token").click()
    page.get_by_role("dialog").get_by_label("Name").fill("mes")
    page.get_by_role("dialog").get_by_role("button", name="Make token").click()
    page.get_by_test_id("secret").wait_for()
    page.get_by_test_id("tokens").get_by_role("button", name="Revoke").click()
    page.get_by_test_id("tokens").get_by_text("revoked").wait_for()
    page.goto("/audit?action=user.disable")
    page.get_by_test_id("audit").locator("tbody tr", has_text="eve").wait_for()
    page.goto("/account")
    page.get_by_test_id("log-out").click()
    page.get_by_role("button", name="Log in").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_of_people_meet_wcag_2_2_aa(floor: Floor, theme: str) -> None:
    page = floor.open_page("ann")
    press(page, "y")
    page.emulate_media(color_scheme="light" if theme == "light" else "dark")
    found = []
    for address in PAGES:
        page.goto(address)
        page.locator("#main h1").first.wait_for()
        page.wait_for_timeout(400)
        found += [(address, *each) for each in wcag_violations(page)]
    assert found == []


@pytest.mark.parametrize(("size", "language"), [*((size, "pseudo") for size in SIZES), (SIZES[-1], "ko")], ids=str)
def test_pages_of_people_do_not_scroll_sideways(floor: Floor, size: tuple[int, int], language: str) -> None:
    page = floor.open_page("ann")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for address in PAGES:
        page.goto(f"{address}{'&' if '?' in address else '?'}lang={language}")
        page.locator("#main > *").first.wait_for()
        page.wait_for_timeout(300)
        assert sideways_scroll(page) <= 0, address
    page.goto("/review")
    answers = page.get_by_test_id("answer-ok").bounding_box()
    assert answers is not None
    assert answers["y"] + answers["height"] <= size[1]


def test_part_shows_what_people_said(floor: Floor) -> None:
    page = floor.open_page("ann")
    press(page, "n", "1", "Enter")
    floor.wait_stored(page, 1)
    page.goto("/parts/r00")
    page.get_by_test_id("reviews").get_by_text("scratch").wait_for()
