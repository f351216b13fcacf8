"""Pages on a phone: words are whole, and columns are wide enough to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.browser_pages import sideways_scroll
from support.console_parts import a_pass, store

from inspector.domain.decision import Decision, Reason, Verdict
from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey

from .conftest import Console
from .floor import Floor

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
WIDTHS = (390, 360, 320)
LINES_OF = """each => {
    const range = document.createRange()
    range.selectNodeContents(each)
    return new Set([...range.getClientRects()].map(box => Math.round(box.top))).size
}"""
REJECT = Decision(Verdict.NG, Disposition.REJECT, Reason.DEFECT)
REVIEW = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT)


@pytest.mark.parametrize("decision", [REVIEW, REJECT], ids=["REVIEW", "REJECT"])
def test_verdict_of_the_kiosk_stands_in_one_line(page: Page, console: Console, decision: Decision) -> None:
    store(console.ledger, a_pass("r1", decision=decision))
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        page.goto("/lines/pcb/kiosk")
        word = page.get_by_test_id("kiosk-verdict")
        word.wait_for()
        assert word.evaluate(LINES_OF) == 1, width
        assert sideways_scroll(page) <= 0, width


def test_trigger_of_a_part_is_read_in_the_list(page: Page, console: Console) -> None:
    store(console.ledger, a_pass("r1", key=FrameKey("pcb", "cam1", "replay-534c18-56")))
    page.set_viewport_size({"width": WIDTHS[0], "height": 844})
    page.goto("/parts")
    trigger = page.get_by_test_id("parts").get_by_role("link", name="replay-534c18-56")
    assert trigger.evaluate(LINES_OF) == 1
    assert sideways_scroll(page) <= 0


def test_korean_words_in_tables_are_whole(floor: Floor) -> None:
    page = floor.open_page("ann")
    page.set_viewport_size({"width": WIDTHS[0], "height": 844})
    page.goto("/admin/users?lang=ko")
    buttons = page.locator("table button")
    buttons.first.wait_for()
    for button in buttons.all():
        assert button.evaluate(LINES_OF) <= len(button.inner_text().split()), button.inner_text()
