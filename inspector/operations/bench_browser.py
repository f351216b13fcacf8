"""The browser of the benchmarks: Chromium with pages that keep times of what they show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from inspector.errors import InspectorError
from inspector.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

FLAGS: Final = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
TIMEOUT_MS: Final = 60_000
WATCH: Final = """
window.benched = {pictures: [], listAt: null, lightOffAt: null, figuresAt: null, steps: [], clickAt: null}
let keyAt = null, stepAt = null
addEventListener('click', () => (window.benched.clickAt = Date.now()), true)
addEventListener('keydown', () => (keyAt = stepAt = performance.now()), true)
new MutationObserver(() => {
  const seen = window.benched
  const rows = document.querySelector('[data-testid=parts] tbody tr')
  if (rows && seen.listAt === null) requestAnimationFrame(() => (seen.listAt ??= performance.now()))
  if (document.querySelector('.light.away')) seen.lightOffAt ??= Date.now()
  else seen.lightOffAt = null
  const figures = document.querySelector('[data-testid=figures]')
  if (figures && seen.figuresAt === null) requestAnimationFrame(() => (seen.figuresAt ??= performance.now()))
  if (figures && stepAt !== null) {
    const began = stepAt
    stepAt = null
    requestAnimationFrame(() => seen.steps.push(performance.now() - began))
  }
  const desk = document.querySelector('[data-testid=desk]')
  if (keyAt !== null && desk && desk.dataset.painted === desk.dataset.part && desk.dataset.part !== seen.part) {
    seen.pictures.push(performance.now() - keyAt)
    keyAt = null
  }
  if (keyAt === null && desk) seen.part = desk.dataset.painted
}).observe(document, {subtree: true, childList: true, attributes: true, characterData: true})
"""


def require_browser(chromium: Path) -> None:
    """Raise InspectorError where the browser, or its driver, is missing."""
    if find_spec("playwright") is None:
        raise InspectorError("bench console drives a browser: pip install 'playwright>=1.65'")
    if not chromium.is_file():
        raise InspectorError(f"--chromium: {chromium} is no file; install Chromium, or name its program")


@contextmanager
def open_browser(chromium: Path) -> Iterator[Browser]:
    """Run the browser until the block ends."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(chromium), args=list(FLAGS))
        yield browser
        browser.close()


def open_context(browser: Browser, settings: Settings) -> BrowserContext:
    """Open a browser that has nothing yet of the console of these settings."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, base_url=settings.console_url, locale="en-GB"
    )
    context.set_default_timeout(TIMEOUT_MS)
    context.add_init_script(WATCH)
    return context


def open_page(context: BrowserContext, address: str) -> Page:
    """Open a tab at this address."""
    page = context.new_page()
    page.goto(address)
    return page
