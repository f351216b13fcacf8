"""What the service says reaches a person in his language, and none of it is lost where it says a thing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.fakes import a_pipeline, live_version, new_version

from .conftest import Console

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser
COMMISSIONING = "시운전: 라인이 아직 LIVE가 아닙니다"
OTHER_MODEL = "cam2: 적격성 평가를 받은 모델이 아닙니다. 라인을 다시 평가하세요"


@pytest.mark.parametrize("address", ["/", "/lines/pcb"])
def test_reason_why_a_line_does_not_pass_is_korean_in_korean_pages(page: Page, console: Console, address: str) -> None:
    console.ledger.versions = [new_version(a_pipeline(cameras=["cam1", "cam2"]))]
    page.goto(f"{address}?lang=ko")
    page.locator(".notice").first.wait_for()
    assert page.locator(".notice").all_inner_texts() == [COMMISSIONING]


@pytest.mark.parametrize("address", ["/", "/lines/pcb"])
def test_reason_of_one_camera_is_korean_and_names_the_camera(page: Page, console: Console, address: str) -> None:
    version = live_version(a_pipeline(cameras=["cam1"]))
    console.ledger.versions = [version._replace(pipeline=a_pipeline(cameras=["cam1", "cam2"]))]
    page.goto(f"{address}?lang=ko")
    page.locator(".notice").first.wait_for()
    assert page.locator(".notice").all_inner_texts() == [OTHER_MODEL]


def test_line_without_parts_says_so_and_asks_for_no_other_filter(page: Page, console: Console) -> None:
    page.goto("/lines/pcb")
    page.get_by_text("No part yet. The next part of this line is shown here.").wait_for()
    assert page.get_by_text("Change the filter").count() == 0
    page.goto("/parts")
    page.get_by_text("No part fits. Change the filter").wait_for()


def refuse_twice(route: Route) -> None:
    """Refuse with two faults of one field, as a body may have."""
    faults = [
        {"field": "reason", "problem": f"fault {each}", "remedy": f"remedy {each}"} for each in ("one", "two", "two")
    ]
    problem = {"type": "urn:inspector:invalid", "title": "Refused", "status": 422, "detail": "no", "errors": faults}
    route.fulfill(status=422, json=problem, content_type="application/problem+json")


def test_every_fault_of_a_field_is_shown(page: Page, console: Console, expected_errors: list[str]) -> None:
    expected_errors.append("422")
    page.route("**/api/v1/lines/pcb/state", refuse_twice)
    page.goto("/lines/pcb")
    page.get_by_test_id("pause").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("belt")
    dialog.get_by_role("button", name="Pause").click()
    dialog.get_by_role("listitem").first.wait_for()
    assert dialog.get_by_role("listitem").all_inner_texts() == [
        "fault one: remedy one", "fault two: remedy two", "fault two: remedy two",
    ]  # fmt: skip


def test_two_golden_samples_with_the_same_picture_are_both_shown(
    page: Page, console: Console, expected_errors: list[str]
) -> None:
    expected_errors.append("404")  # the line of these records has no golden sample of its own
    shown = [{"number": each, "name": f"{each}.jpg", "sha256": "ab" * 32, "is_shown": True} for each in (1, 2)]
    answer = {"line": "pcb", "version": 1, "golden_samples": shown}
    page.route("**/lines/pcb/golden-samples", lambda route: route.fulfill(json=answer, headers={"ETag": '"1"'}))
    page.goto("/lines/pcb/golden")
    page.get_by_text("2.jpg").wait_for()
    assert page.get_by_test_id("golden-samples").locator("figure").count() == 2
