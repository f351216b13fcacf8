"""One part: what the model was asked and shown, the steps to its neighbours, and what people do with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from support.databases import fetch

from .floor import Floor
from .held_answers import HeldAnswer

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def open_part(floor: Floor, name: str, address: str) -> Page:
    page = floor.open_page(name)
    page.goto(address)
    page.get_by_test_id("answer-panel").wait_for()
    return page


def test_each_view_shows_its_question_and_the_pictures_that_the_model_saw(floor: Floor) -> None:
    page = open_part(floor, "ann", "/parts/r02")
    views = page.get_by_test_id("asked-views").locator("article")
    views.nth(2).wait_for()
    assert [views.nth(at).locator("img").count() for at in range(3)] == [1, 2, 2]
    views.nth(0).get_by_text("Is there any defect?").wait_for()
    views.nth(1).get_by_text("p(NG) 62.0 %").wait_for()
    views.nth(2).get_by_text("the same suspicious region").wait_for()
    shown = views.nth(1).locator("img").first
    shown.scroll_into_view_if_needed()
    shown.evaluate("image => image.decode()")
    assert shown.evaluate("image => image.naturalWidth") in (160, 170)


def test_limits_are_those_of_the_version_that_judged_the_part(floor: Floor) -> None:
    page = open_part(floor, "ann", "/parts/r02")
    page.get_by_text("PASS below 20.0 %, REJECT above 85.0 %").wait_for()
    page.get_by_test_id("verdict").get_by_text("first version").wait_for()


def test_golden_sample_is_beside_the_part_or_takes_turns_with_it(floor: Floor) -> None:
    page = open_part(floor, "ann", "/parts/r02")
    button = page.get_by_test_id("golden")
    button.wait_for()
    page.keyboard.press("g")
    page.get_by_label("Golden sample").get_by_role("img").wait_for()
    assert page.get_by_test_id("viewer").count() == 2
    button.click()
    page.get_by_test_id("viewer").locator(".overlay").wait_for()
    page.get_by_test_id("viewer").locator(".overlay").wait_for(state="detached")
    page.keyboard.press("g")
    assert page.get_by_test_id("viewer").count() == 1


def test_heat_map_is_laid_over_the_picture_where_there_is_one(floor: Floor) -> None:
    page = open_part(floor, "ann", "/parts/r02")
    page.get_by_test_id("heat").wait_for()
    page.keyboard.press("h")
    layer, picture = page.get_by_test_id("heat-layer"), page.get_by_test_id("viewer").locator("img").first
    layer.wait_for()
    picture.evaluate("image => image.decode()")
    heat, shown = layer.bounding_box(), picture.bounding_box()
    assert heat is not None
    assert shown is not None
    assert heat["width"] == pytest.approx(0.8 * shown["width"], abs=2)
    hottest = "canvas => [...canvas.getContext('2d').getImageData(2, 1, 1, 1).data]"
    assert layer.evaluate(hottest) == [255, 30, 40, 190]
    page.goto("/parts/r03")
    page.get_by_test_id("answer-panel").wait_for()
    assert page.get_by_test_id("heat").count() == 0


def test_steps_stay_within_the_list_that_the_part_was_opened_from(floor: Floor) -> None:
    page = floor.open_page("ann")
    page.goto("/parts?disposition=REVIEW&lot=L1")
    page.get_by_test_id("parts").get_by_role("link", name="t31", exact=True).click()
    page.get_by_role("button", name="← Older").click()
    page.wait_for_url("**/parts/r28?disposition=REVIEW&lot=L1")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**/parts/r25?disposition=REVIEW&lot=L1")
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/parts/r28?disposition=REVIEW&lot=L1")
    page.get_by_role("link", name="← Parts").click()
    page.wait_for_url("**/parts?disposition=REVIEW&lot=L1")


def test_part_is_answered_on_its_page_and_the_answer_taken_back(floor: Floor) -> None:
    page = open_part(floor, "bob", "/parts/r05")
    page.get_by_test_id("answer-panel").wait_for()
    page.keyboard.press("n")
    page.locator("[data-testid=answer-ng][aria-pressed=true]").wait_for()
    for key in ("1", "Enter"):
        page.keyboard.press(key)
    page.get_by_test_id("reviews").get_by_text("scratch").wait_for()
    page.get_by_test_id("history").get_by_text("bob answered NG").wait_for()
    page.get_by_test_id("take-back").click()
    page.get_by_test_id("history").get_by_text("bob took an answer back").wait_for()
    assert floor.wait_stored(page, 2) == [("r05", "NG", "bob"), ("r05", "", "bob")]
    assert page.get_by_test_id("take-back").count() == 0


def test_keys_answer_nothing_until_the_version_gives_them_their_classes(floor: Floor) -> None:
    page = floor.open_page("bob")
    held = HeldAnswer(page, "**/lines/pcb/versions/1")
    page.goto("/parts/r12")
    page.get_by_test_id("history").wait_for()
    for key in ("n", "1", "Enter", "y"):
        page.keyboard.press(key)
    assert page.get_by_test_id("answer-panel").count() == 0
    held.release()
    page.locator("[data-testid=answer-ng][aria-pressed=false]").wait_for()
    for key in ("n", "1", "Enter"):
        page.keyboard.press(key)
    page.get_by_test_id("history").get_by_text("bob answered NG").wait_for()
    assert floor.wait_stored(page, 1) == [("r12", "NG", "bob")]
    assert fetch(floor.url, "SELECT classes FROM reviews") == [('["scratch"]',)]


def test_page_that_is_left_takes_no_more_keys_while_the_next_one_loads(floor: Floor) -> None:
    page = open_part(floor, "bob", "/parts/r13")
    held = HeldAnswer(page, "**/assets/Stats-*.js")
    page.get_by_role("navigation").get_by_role("link", name="Statistics").click()
    page.get_by_test_id("answer-panel").wait_for(state="detached")
    page.keyboard.press("y")
    held.release()
    page.get_by_role("heading", name="Statistics").wait_for()
    assert fetch(floor.url, "SELECT label FROM reviews") == []


def test_reviewed_part_joins_the_challenge_set_and_the_golden_samples(floor: Floor) -> None:
    page = open_part(floor, "ann", "/parts/r07")
    page.keyboard.press("y")
    page.get_by_test_id("reviews").wait_for()
    page.get_by_test_id("add-challenge").click()
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    page.get_by_text("the challenge set holds 1 OK and 0 NG").wait_for()
    assert fetch(floor.url, "SELECT line, is_ng FROM challenge_parts") == [("pcb", 0)]
    page.goto("/parts/r08")
    page.get_by_test_id("add-golden").click()
    page.get_by_test_id("effects").get_by_text("2 become 3").wait_for()
    page.get_by_role("dialog").get_by_label("Reason").fill("a clean board")
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    page.get_by_text(re.compile("version 2 is live")).wait_for()
    assert fetch(floor.url, "SELECT max(version) FROM pipeline_versions WHERE line = 'pcb'") == [(2,)]
    page.goto("/parts/r09")
    page.get_by_text("PASS below 20.0 %").wait_for()


def test_reviewer_is_offered_no_change_of_the_line(floor: Floor) -> None:
    page = open_part(floor, "bob", "/parts/r05")
    page.get_by_test_id("answer-panel").wait_for()
    assert page.get_by_test_id("add-golden").count() == 0


def test_reviewed_parts_that_look_alike_are_shown_with_what_people_said(floor: Floor) -> None:
    page = open_part(floor, "ann", "/parts/r10")
    page.keyboard.press("y")
    page.get_by_test_id("reviews").wait_for()
    page.goto("/parts/r11")
    nearest = page.get_by_test_id("nearest")
    nearest.scroll_into_view_if_needed()
    nearest.get_by_text("Reviewed: OK").wait_for()
    nearest.get_by_role("link").click()
    page.wait_for_url("**/parts/r10")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("trigger_id=t7", 1),
        ("part_id=SN-12", 1),
        ("lot=L1", 11),
        ("defect=scratch", 1),
        ("p_min=0.6&p_max=0.625", 3),
        ("review=any", 0),
        ("from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z", 0),
        ("line=pcb&camera=cam1&disposition=REVIEW&reason=DISAGREEMENT&review=none", 34),
    ],
)
def test_filter_of_the_list_is_in_the_address(floor: Floor, query: str, found: int) -> None:
    from playwright.sync_api import expect

    page = floor.open_page("ann")
    page.goto(f"/parts?{query}")
    expect(page.get_by_test_id("parts").locator("tbody tr")).to_have_count(found)
    if not found:
        page.get_by_text("No part fits").wait_for()


def test_each_condition_is_chosen_on_the_page_and_survives_a_reload(floor: Floor) -> None:
    page = floor.open_page("ann")
    page.goto("/parts")
    page.get_by_text("More conditions").click()
    for label, value in (("Lot", "L1"), ("p(NG) at least", "0.5"), ("Decided from", "2026-01-02T03:04")):
        page.get_by_label(label, exact=True).fill(value)
        page.get_by_label(label, exact=True).press("Enter")
    page.get_by_test_id("filter").locator("select").last.select_option("none")
    page.wait_for_url("**/parts?lot=L1&p_min=0.5&from=2026-01-02T03%3A04%3A00Z&review=none")
    page.reload()
    assert page.get_by_label("Decided from").input_value() == "2026-01-02T03:04"
    page.get_by_role("button", name="Clear filter").click()
    page.wait_for_url("**/parts")


def test_code_read_off_a_part_finds_it(floor: Floor) -> None:
    floor.errors_expected.append("404")
    page = floor.open_page("ann")
    page.goto("/parts?search=1")
    for code, place in (("SN-5", "part_id=SN-5"), ("t9", "trigger_id=t9"), ("L2", "lot=L2")):
        page.get_by_label("Trigger, part id").fill(code)
        page.get_by_role("button", name="Find").click()
        page.wait_for_url(f"**/parts?{place}")
    page.get_by_label("Trigger, part id").fill("nothing")
    page.get_by_role("button", name="Find").click()
    page.get_by_text("is named nothing").wait_for()
