"""Every page of the console in both themes, in long languages and at every size: each page is loaded once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Literal

import pytest
from support.browser_pages import SCREENSHOTS, keep_screenshot, sideways_scroll, wcag_violations

from inspector.adapters.console.web_pages import DIST

from .floor import Floor, StoredLine, open_floor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
SIZES: Final = ((1920, 1080), (1440, 900), (1024, 768), (768, 1024))
SMALL: Final = (390, 844)
ON_PHONES: Final = frozenset({"/", "/lines/pcb/kiosk", "/parts/r02"})
RULES_OF_COLOURS: Final = ("color-contrast", "link-in-text-block")
SETTLED_MS: Final = 150
EXAMPLES: Final = {"line": "pcb", "id": "r02", "camera": "cam1"}
SMALL_TARGETS: Final = """
    [...document.querySelectorAll('main button, select, .button, nav a, main summary')]
    .concat([...document.querySelectorAll('main input:not([type=checkbox], [type=file])')])
    .filter(each => { const { height } = each.getBoundingClientRect(); return height > 0 && height < 43.9 })
    .map(each => each.outerHTML.slice(0, 120))"""
VIEWS_OF_PAGES: Final = ("/review?view=grid",)


def pages() -> list[str]:
    """The addresses of all pages that the router knows, each with an example of what it names."""
    paths = re.findall(r'\{ path: "([^"]+)"', (DIST.parent / "src" / "pages" / "index.ts").read_text())
    assert paths
    return [re.sub(r"\{(\w+)\}", lambda name: EXAMPLES[name[1]], path) for path in paths] + list(VIEWS_OF_PAGES)


@pytest.fixture(scope="module")
def shared(
    browser: Browser, stored_line: StoredLine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Floor, Page]]:
    """A console and a logged-in page for all tests of this module: none of them changes anything."""
    with open_floor(browser, stored_line, tmp_path_factory.mktemp("layout")) as floor:
        page = floor.open_page("ann")
        page.goto("/parts/r02")
        page.get_by_test_id("answer-ok").click()
        page.get_by_test_id("reviews").wait_for()
        yield floor, page


@pytest.mark.parametrize("address", pages())
def test_page_is_accessible_and_fits_every_size(shared: tuple[Floor, Page], address: str) -> None:
    floor, page = shared
    floor.errors.clear()
    page.emulate_media(color_scheme="light")
    show(page, address, "pseudo")
    assert overflows(page, address) == []
    assert wcag_violations(page) == []
    assert page.evaluate(SMALL_TARGETS) == []
    page.emulate_media(color_scheme="dark")
    assert wcag_violations(page, RULES_OF_COLOURS) == []
    switch = page.get_by_role("button", name="한국어")
    if switch.count():
        switch.click()
    else:
        show(page, address, "ko")
    assert page.evaluate("document.documentElement.lang") == "ko"
    assert overflows(page, address) == []
    keep_both_themes(page, address)
    assert floor.errors == []


@pytest.mark.parametrize("language", ["en-GB", "ko-KR"])
def test_login_page_is_accessible_and_fits_every_size(
    shared: tuple[Floor, Page], browser: Browser, language: str
) -> None:
    floor, _ = shared
    context = browser.new_context(base_url=floor.served.address, locale=language)
    page = context.new_page()
    page.goto("/login")
    page.get_by_role("textbox").first.wait_for()
    assert page.evaluate("document.documentElement.lang") == language[:2]
    assert overflows(page, "/") == []
    assert wcag_violations(page) == []
    context.close()


@pytest.mark.parametrize("size", SIZES[2:], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(("address", "what"), [("/parts/r02", "verdict"), ("/review", "answer-ok")])
def test_what_matters_is_in_the_first_viewport(
    shared: tuple[Floor, Page], size: tuple[int, int], address: str, what: str
) -> None:
    _, page = shared
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{address}?lang=en")
    first = page.locator(".head .chip").first if what == "verdict" else page.get_by_test_id(what)
    edges = first.bounding_box()
    assert edges is not None
    assert edges["y"] + edges["height"] <= size[1]


def keep_both_themes(page: Page, address: str) -> None:
    """Keep the page light in English and dark in Korean, on a desk and on a tablet, where pictures are asked for."""
    if SCREENSHOTS not in os.environ:
        return
    looks: tuple[tuple[Literal["dark", "light"], str, tuple[int, int]], ...]
    looks = (("dark", "ko", SIZES[3]), ("light", "en", SIZES[1]))
    for theme, language, (width, height) in looks:
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": height})
        show(page, address, language)
        keep_screenshot(page, f"{theme} {language}")


def show(page: Page, address: str, language: str) -> None:
    page.goto(f"{address}{'&' if '?' in address else '?'}lang={language}")
    page.locator("h1, .kiosk").first.wait_for()
    page.wait_for_load_state("load")
    page.wait_for_timeout(SETTLED_MS)


def overflows(page: Page, address: str) -> list[tuple[int, int]]:
    """Return the sizes at which the page scrolls sideways, and by how much."""
    found = []
    for width, height in (*SIZES, SMALL) if address in ON_PHONES else SIZES:
        page.set_viewport_size({"width": width, "height": height})
        found.append((width, sideways_scroll(page)))
    return [each for each in found if each[1] > 0]
