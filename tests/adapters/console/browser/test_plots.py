"""Plots of few points: each known value is seen, and the axis says when it was."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from support.fakes import NOON

from inspector.ports.ledger import CameraRow

from .conftest import Console

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser
START: Final = datetime(2026, 3, 2, 6, tzinfo=UTC)
KEEP_TEXTS: Final = """
    window.drawn = []
    const fillText = CanvasRenderingContext2D.prototype.fillText
    CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
        window.drawn.push(String(text))
        return fillText.call(this, text, ...place)
    }"""
PIXELS_OF: Final = """(name) => {
    const probe = document.body.appendChild(document.createElement("i"))
    probe.style.color = `var(${name})`
    const [red, green, blue] = getComputedStyle(probe).color.match(/\\d+/g).map(Number)
    const canvas = document.querySelector(".uplot canvas")
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
    let found = 0
    for (let at = 0; at < data.length; at += 4)
        if (data[at] === red && data[at + 1] === green && data[at + 2] === blue && data[at + 3] === 255) found += 1
    return found
}"""


def with_yields(route: Route, yields: list[float | None]) -> None:
    """Let the answer have these yields, shift after shift."""
    answer = route.fetch()
    document = answer.json()
    document["periods"] = [
        {
            "span": {"start": (START + timedelta(hours=8 * at)).isoformat(), "label": str(at)},
            "first_pass": document["total"] | {"first_pass": each, "would_pass": None},
        }
        for at, each in enumerate(yields)
    ]
    route.fulfill(response=answer, json=document)


@pytest.mark.parametrize(
    ("yields", "least"),
    [([None, 0.5, None, None, 0.75, None], 30), ([0.5], 10), ([None, None], 0)],
    ids=["one shift a day", "one shift", "no shift"],
)
def test_yield_without_a_known_neighbour_is_seen(page: Page, yields: list[float | None], least: int) -> None:
    page.route("**/api/v1/stats/yield?*", lambda route: with_yields(route, yields))
    page.goto("/stats?days=7")
    page.locator(".uplot canvas").wait_for()
    page.wait_for_timeout(200)
    found = page.evaluate(PIXELS_OF, "--pass-solid")
    assert found >= least
    assert bool(found) == bool(least)


def test_axis_of_one_minute_of_a_camera_tells_that_minute(
    page: Page, console: Console, expected_errors: list[str]
) -> None:
    expected_errors.append("404")  # the camera has no newest picture
    console.ledger.seen["pcb", "cam1"] = CameraRow("pcb", "cam1", True, "online", NOON, NOON, 60, 0, None)
    minute: dict[str, Any] = {"minute": START.isoformat(), "frames": 60, "lost": 0, "frozen": 0}
    minute |= dict.fromkeys(("sharpness", "luminance", "skew_ms", "width_px", "height_px", "picture_format"))
    page.route("**/cam1/health*", lambda route: route.fulfill(json={"minutes": [minute]}))
    page.add_init_script(KEEP_TEXTS)
    page.goto("/cameras/pcb/cam1")
    page.locator(".uplot canvas").first.wait_for()
    page.wait_for_timeout(200)
    times = {each for each in page.evaluate("window.drawn") if re.fullmatch(r"\d\d[:/].*", each)}
    assert {each[:3] for each in times} == {"05:", "06:"}
    assert "06:00" in times


def test_axis_of_some_days_names_each_day(page: Page) -> None:
    page.add_init_script(KEEP_TEXTS)
    page.route("**/api/v1/stats/yield?*", lambda route: with_yields(route, [0.5] * 6))
    page.goto("/stats?days=7")
    page.locator(".uplot canvas").wait_for()
    page.wait_for_timeout(200)
    drawn = page.evaluate("window.drawn")
    assert {"03/03", "12:00"} <= {text.strip() for text in drawn}
