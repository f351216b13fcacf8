"""People review parts in a real Chromium, over a real ledger and with logins: every answer is stored once."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import pytest
from support.databases import execute, fetch
from support.people import PASSWORD

from .floor import PAINTED, Floor, fill_login, log_in, open_desk, part, press
from .held_answers import HeldAnswer, end_leases

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser
LONGER_THAN_A_RETRY_MS: Final = 10_000
WAITING_IN_STORE: Final = "() => Object.keys(localStorage).some(key => key.startsWith('inspector.outbox.'))"
NOTHING_IN_STORE: Final = "() => !Object.keys(localStorage).some(key => key.startsWith('inspector.outbox.'))"


def test_thirty_parts_are_reviewed_by_keys_alone(floor: Floor) -> None:
    page = open_desk(floor, "bob")
    shown = [part(page)]
    for number in range(30):
        keys = (["y"], ["n", "1", "Enter"], ["u"])[number % 3]
        shown.append(press(page, *keys))
    assert shown == [f"r{number:02}" for number in range(31)]
    labels = ("OK", "NG", "UNSURE")
    assert floor.wait_stored(page, 30) == [(f"r{number:02}", labels[number % 3], "bob") for number in range(30)]
    assert fetch(floor.url, "SELECT count(*) FROM reviews WHERE label = 'NG' AND classes LIKE '%scratch%'") == [(10,)]


def test_picture_is_zoomed_and_panned_by_keys_and_arrows_step_once_it_fits_again(floor: Floor) -> None:
    page = open_desk(floor, "bob")
    assert press(page, " ") == "r01"
    layer, zoom = page.get_by_test_id("viewer").locator(".layer"), page.locator(".tools span[aria-live]")
    for _ in range(3):
        page.keyboard.press("+")
    zoom.get_by_text("338 %").wait_for()
    left, top = corner(layer)
    for key, x, y in (("ArrowRight", -80, 0), ("ArrowDown", -80, -80), ("ArrowLeft", 0, -80), ("ArrowUp", 0, 0)):
        page.keyboard.press(key)
        assert corner(layer) == pytest.approx((left + x, top + y), abs=1)
    assert part(page) == "r01"
    page.keyboard.press("-")
    zoom.get_by_text("225 %").wait_for()
    page.keyboard.press("0")
    zoom.get_by_text("100 %").wait_for()
    page.keyboard.press("-")
    zoom.get_by_text("100 %").wait_for()
    assert press(page, "ArrowLeft") == "r00"
    assert floor.stored() == []


def corner(shown: Locator) -> tuple[float, float]:
    edges = shown.bounding_box()
    assert edges is not None
    return edges["x"], edges["y"]


def test_part_stays_after_an_answer_where_nobody_wants_the_next_one_at_once(floor: Floor) -> None:
    page = open_desk(floor, "bob")
    page.get_by_label("Go on after an answer").uncheck()
    page.keyboard.press("y")
    page.get_by_test_id("given-answer").get_by_text("OK").wait_for()
    assert part(page) == "r00"
    page.keyboard.press("u")
    page.get_by_test_id("given-answer").get_by_text("Unsure").wait_for()
    assert press(page, " ") == "r01"
    assert floor.wait_stored(page, 2) == [("r00", "OK", "bob"), ("r00", "UNSURE", "bob")]
    page.reload()
    page.wait_for_function(PAINTED, arg="")
    page.keyboard.press("y")
    page.get_by_test_id("given-answer").wait_for()
    assert part(page) == "r01"


def test_undo_of_a_published_answer_publishes_what_supersedes_it(floor: Floor) -> None:
    page = open_desk(floor, "bob")
    press(page, "y")
    floor.wait_stored(page, 1)
    press(page, "z")
    floor.wait_stored(page, 2)
    payloads = fetch(floor.url, "SELECT payload FROM outbox WHERE topic LIKE '%/review' ORDER BY number")
    first, second = (json.loads(payload) for (payload,) in payloads)
    assert (first["disposition"], first["supersedes"]) == ("PASS", None)
    assert (second["disposition"], second["supersedes"]) == ("REVIEW", first["review_id"])


def test_two_people_never_have_the_same_part(floor: Floor) -> None:
    pages = {name: open_desk(floor, name) for name in ("ann", "bob")}
    for _ in range(8):
        for page in pages.values():
            press(page, "y")
    stored = floor.wait_stored(pages["ann"], 16)
    assert len({answered for answered, _, _ in stored}) == 16
    assert sorted(reviewer for _, _, reviewer in stored) == ["ann"] * 8 + ["bob"] * 8


def test_no_part_is_shown_for_an_answer_before_the_classes_of_its_line_are_known(floor: Floor) -> None:
    page = floor.open_page("bob")
    held = HeldAnswer(page, "**/api/v1/lines/pcb")
    with page.expect_response("**/review-leases"):
        page.goto("/review?line=pcb")
    page.keyboard.press("n")
    assert page.get_by_test_id("desk").count() == 0
    held.release()
    page.get_by_test_id("desk").wait_for()
    page.keyboard.press("n")
    page.get_by_test_id("class").get_by_text("scratch").wait_for()


def test_undo_takes_the_answer_back_and_shows_its_part(floor: Floor) -> None:
    page = open_desk(floor, "bob")
    assert press(page, "y") == "r01"
    assert press(page, "z") == "r00"
    press(page, "n", "2", "Enter")
    assert floor.wait_stored(page, 3) == [("r00", "OK", "bob"), ("r00", "", "bob"), ("r00", "NG", "bob")]


def test_drawn_box_is_stored_within_two_pixels(floor: Floor) -> None:
    page = open_desk(floor, "bob")
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


def test_answer_given_during_a_minute_without_network_is_stored_once(floor: Floor) -> None:
    """The browser's clock is moved on by a minute: nothing of the page may depend on when the network comes back."""
    page = floor.open_page("bob")
    page.clock.install()
    with page.expect_event("requestfinished", lambda sent: sent.url.endswith("/r02/picture")):
        page.goto("/review")
        page.wait_for_function(PAINTED, arg="")
    page.keyboard.press("n")
    page.keyboard.press("1")
    page.context.set_offline(True)
    assert press(page, "Enter") == "r01"
    assert press(page, "y") == "r02"
    page.get_by_test_id("waiting").wait_for()
    page.clock.fast_forward(60_000)
    page.get_by_test_id("light").get_by_text("No connection").wait_for()
    assert floor.stored() == []
    page.context.set_offline(False)
    assert floor.wait_stored(page, 2) == [("r00", "NG", "bob"), ("r01", "OK", "bob")]
    page.get_by_test_id("waiting").wait_for(state="detached")
    page.get_by_test_id("light").get_by_text("Live").wait_for()
    assert part(page) == "r02"
    assert len(floor.stored()) == 2


def test_answer_after_the_lease_is_refused_and_shown(floor: Floor) -> None:
    page = floor.open_page("bob")

    page.route("**/review-leases", end_leases)
    page.goto("/review")
    page.wait_for_function(PAINTED, arg="")
    press(page, "y")
    page.get_by_test_id("refused").get_by_text("others may have it now").wait_for()
    assert floor.stored() == []
    page.get_by_role("button", name="Discard").click()
    page.get_by_test_id("refused").wait_for(state="detached")


def test_answer_after_the_login_ended_waits_for_the_same_person(floor: Floor) -> None:
    page = open_desk(floor, "bob")
    execute(floor.url, "DELETE FROM sessions")
    page.keyboard.press("y")
    page.get_by_test_id("logged-out").wait_for()
    page.get_by_test_id("waiting").wait_for()
    assert floor.stored() == []
    log_in(page.context, "bob")
    assert floor.wait_stored(page, 1) == [("r00", "OK", "bob")]
    page.get_by_test_id("logged-out").wait_for(state="detached")


def test_answer_survives_a_stopped_service_and_a_reload(floor: Floor) -> None:
    page = open_desk(floor, "bob")
    floor.served.stop()
    page.keyboard.press("y")
    page.wait_for_function(WAITING_IN_STORE)
    floor.served.start()
    page.reload()
    assert floor.wait_stored(page, 1) == [("r00", "OK", "bob")]
    press(page, "y")
    assert floor.wait_stored(page, 2) == [("r00", "OK", "bob"), ("r01", "OK", "bob")]


def test_answers_are_stored_once_though_the_service_is_killed_while_it_stores_them(killable_floor: Floor) -> None:
    """SIGKILL before the answer arrives, somewhere while it is stored, and before its confirmation is read."""
    floor = killable_floor
    page = floor.open_page("bob")
    page.clock.install()
    page.goto("/review")
    page.wait_for_function(PAINTED, arg="")

    def before(_: Any) -> None:
        floor.served.stop()

    def amid(route: Any) -> None:
        threading.Timer(0.004, floor.served.stop).start()
        route.fetch()

    def after(route: Any) -> None:
        route.fetch()
        floor.served.stop()

    for number, moment in enumerate((before, amid, after)):
        _kill_at(page, moment)
        page.wait_for_function(PAINTED, arg=f"r{number - 1:02}")
        page.keyboard.press("yn"[number % 2])
        if number % 2:
            page.keyboard.press("Enter")
        page.get_by_test_id("light").get_by_text("No connection").wait_for()
        page.wait_for_function(WAITING_IN_STORE)
        floor.served.start()
        page.clock.fast_forward(LONGER_THAN_A_RETRY_MS)
        page.wait_for_function(NOTHING_IN_STORE)
        page.get_by_test_id("light").get_by_text("Live").wait_for()
    assert floor.stored() == [("r00", "OK", "bob"), ("r01", "NG", "bob"), ("r02", "OK", "bob")]
    assert fetch(floor.url, "SELECT count(*) FROM audit WHERE action = 'review.add'") == [(3,)]
    assert part(page) == "r03"


def _kill_at(page: Page, moment: Callable[[Any], object]) -> None:
    """Kill the service around the next answer, whose confirmation is lost; later ones go through."""

    from playwright.sync_api import Error  # where it is missing the tests are skipped before

    def lose(route: Any) -> None:
        with suppress(Error):  # the service died before it answered
            moment(route)
        route.abort()

    page.route("**/parts/*/reviews", lose, times=1)


def test_lost_confirmation_does_not_store_twice(floor: Floor) -> None:
    page = open_desk(floor, "bob")
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
    page.wait_for_function(NOTHING_IN_STORE)
    assert lost == [201]
    assert floor.stored() == [("r00", "OK", "bob")]


def test_answer_of_somebody_else_is_shown_and_never_stored_under_another_name(floor: Floor) -> None:
    page = open_desk(floor, "bob")
    page.route("**/parts/*/reviews", lambda route: route.abort())
    press(page, "y")
    page.context.clear_cookies()
    page.unroute("**/parts/*/reviews")
    page.goto("/review")
    fill_login(page, "ann")
    page.get_by_test_id("desk").wait_for()
    page.get_by_test_id("refused").get_by_text("bob").wait_for()
    assert floor.stored() == []


def test_disputed_part_is_adjudicated(floor: Floor) -> None:
    ann, bob = open_desk(floor, "ann"), open_desk(floor, "bob")
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
    ann.wait_for_function(PAINTED, arg="")
    assert part(ann) == "r20"
    ann.keyboard.press("n")
    ann.keyboard.press("Enter")
    ann.get_by_test_id("nothing-waits").wait_for()
    assert floor.wait_stored(ann, 3)[-1] == ("r20", "NG", "ann")
    assert fetch(floor.url, "SELECT mode FROM reviews ORDER BY number DESC LIMIT 1") == [("adjudication",)]


def test_blind_review_shows_no_verdict(floor: Floor) -> None:
    page = open_desk(floor, "bob")
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
    page = open_desk(floor, "bob")
    page.goto("/review?view=grid")
    page.get_by_test_id("grid").get_by_role("button").first.click()
    page.get_by_test_id("bulk-ok").click()
    assert [answered for answered, _, _ in floor.wait_stored(page, 11)] == [f"r{number:02}" for number in range(1, 12)]


def test_keys_are_listed_and_letters_work_on_a_korean_layout(floor: Floor) -> None:
    page = open_desk(floor, "bob")
    page.keyboard.press("?")
    page.get_by_test_id("keys").get_by_text("Draw a box").wait_for()
    page.keyboard.press("Escape")
    page.evaluate("dispatchEvent(new KeyboardEvent('keydown', {key: 'ㅛ', code: 'KeyY'}))")
    assert floor.wait_stored(page, 1) == [("r00", "OK", "bob")]


def test_users_tokens_and_audit_are_kept_by_their_pages(floor: Floor) -> None:
    page = open_desk(floor, "ann")
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


def test_part_shows_what_people_said(floor: Floor) -> None:
    page = open_desk(floor, "ann")
    press(page, "n", "1", "Enter")
    floor.wait_stored(page, 1)
    page.goto("/parts/r00")
    page.get_by_test_id("reviews").get_by_text("scratch").wait_for()
