"""Measure the console in a real Chromium: first load, cold list, next picture, light, and its cost with many tabs.

Times are taken inside the browser, so that the driver's own delay does not count.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import psutil

from inspector.adapters.ledger.bulk import BULK_LINES
from inspector.errors import InspectorError
from inspector.operations.bench_api import Answers, ApiLoad, fill, record_line, spread
from inspector.operations.console_process import console_process, own_port
from inspector.operations.progress import Notify
from inspector.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

GOALS: Final = {
    "next_picture_p95_ms": 100.0,
    "first_load_kb": 150.0,
    "list_painted_ms": 1000.0,
    "light_off_ms": 3000.0,
    "console_cpu_share": 0.25,
}
FLAGS: Final = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
TIMEOUT_MS: Final = 60_000
SETTLE_S: Final = 2.0
WATCH: Final = """
window.benched = {pictures: [], listAt: null, lightOffAt: null}
let keyAt = null
addEventListener('keydown', () => (keyAt = performance.now()), true)
new MutationObserver(() => {
  const seen = window.benched
  const rows = document.querySelector('[data-testid=parts] tbody tr')
  if (rows && seen.listAt === null) requestAnimationFrame(() => (seen.listAt ??= performance.now()))
  if (document.querySelector('.light.away')) seen.lightOffAt ??= Date.now()
  else seen.lightOffAt = null
  const desk = document.querySelector('[data-testid=desk]')
  if (keyAt !== null && desk && desk.dataset.painted === desk.dataset.part && desk.dataset.part !== seen.part) {
    seen.pictures.push(performance.now() - keyAt)
    keyAt = null
  }
  if (keyAt === null && desk) seen.part = desk.dataset.painted
}).observe(document, {subtree: true, childList: true, attributes: true})
"""
TRANSFERRED: Final = """() => ['navigation', 'resource'].flatMap(kind => performance.getEntriesByType(kind))
    .filter(each => !each.name.includes('/api/')).reduce((sum, each) => sum + each.encodedBodySize, 0)"""


class ConsoleLoad(NamedTuple):
    """How hard the console is used: stored parts, answers given, tabs open, and the rate of the line meanwhile."""

    parts: int = 20_000
    answers: int = 40
    tabs: int = 20
    parts_per_s: float = 30.0
    seconds: float = 30.0


def measure_console(settings: Settings, load: ConsoleLoad, chromium: Path, notify: Notify) -> dict[str, Any]:
    """Fill an empty ledger, open its console in Chromium, and return what people wait for."""
    settings = own_port(settings)
    with ExitStack() as stack:
        browser = _browser(stack, chromium)
        fill(settings, load.parts, notify)
        console = stack.enter_context(console_process(settings))
        notify("first load and answers by keys")
        figures = _first_load(browser, settings) | _answers(browser, settings, load.answers)
        notify(f"{load.tabs} tabs are open for {load.seconds:g} s, the line sends {load.parts_per_s:g} parts/s")
        figures |= _with_tabs(browser, settings, load, psutil.Process(console.pid))
        page = _page(_context(browser, settings), "/")
        page.locator(".light:not(.away)").wait_for()
        console.kill()
        killed_at = time.time()
        page.locator(".light.away").wait_for()
        figures["light_off_ms"] = round(page.evaluate("window.benched.lightOffAt") - killed_at * 1000.0, 1)
    missed = [name for name, most in GOALS.items() if not figures[name] <= most]
    return figures | {"goals": GOALS, "missed": missed}


def _browser(stack: ExitStack, chromium: Path) -> Browser:
    """Start the browser. Raises InspectorError where it, or its driver, is missing."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as missing:
        raise InspectorError("bench console drives a browser: pip install 'playwright>=1.65'") from missing
    if not chromium.is_file():
        raise InspectorError(f"--chromium: {chromium} is no file; install Chromium, or name its program")
    driver = stack.enter_context(sync_playwright())
    browser = driver.chromium.launch(executable_path=str(chromium), args=list(FLAGS))
    stack.callback(browser.close)
    return browser


def _context(browser: Browser, settings: Settings) -> BrowserContext:
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, base_url=settings.console_url, locale="en-GB"
    )
    context.set_default_timeout(TIMEOUT_MS)
    context.add_init_script(WATCH)
    return context


def _page(context: BrowserContext, address: str) -> Page:
    page = context.new_page()
    page.goto(address)
    return page


def _first_load(browser: Browser, settings: Settings) -> dict[str, Any]:
    """Open the list of parts in a browser that has nothing of it yet."""
    context = _context(browser, settings)
    page = _page(context, "/parts")
    page.wait_for_function("() => window.benched.listAt !== null")
    figures = {
        "first_load_kb": round(page.evaluate(TRANSFERRED) / 1000.0, 1),
        "list_painted_ms": round(page.evaluate("window.benched.listAt"), 1),
    }
    context.close()
    return figures


def _answers(browser: Browser, settings: Settings, answers: int) -> dict[str, Any]:
    """Answer parts by keys, and take the time from each key to the next picture on the screen."""
    context = _context(browser, settings)
    page = _page(context, f"/review?line={BULK_LINES[0]}")
    desk = page.get_by_test_id("desk")
    desk.wait_for()
    for done in range(1, answers + 1):
        page.wait_for_timeout(150)  # a person looks at the part meanwhile, and the next ones are fetched
        page.keyboard.press("y")
        page.wait_for_function("done => window.benched.pictures.length >= done", arg=done)
    took_ms = page.evaluate("window.benched.pictures")
    context.close()
    ranked = spread(took_ms)
    return {"next_picture_p50_ms": ranked["p50_ms"], "next_picture_p95_ms": ranked["p95_ms"], "answers": answers}


def _with_tabs(browser: Browser, settings: Settings, load: ConsoleLoad, console: psutil.Process) -> dict[str, Any]:
    """Keep tabs open while the line goes on, and take the console's share of one core."""
    context, answers = _context(browser, settings), Answers()
    for _ in range(load.tabs):
        _page(context, "/").locator(".light:not(.away)").wait_for()
    time.sleep(SETTLE_S)
    rate = ApiLoad(parts_per_s=load.parts_per_s)
    began, before = time.monotonic(), _cpu_s(console)
    with ThreadPoolExecutor(1) as thread:  # this thread runs the browser's event loop
        line = record_line(settings, load.parts, rate, began + load.seconds, answers)
        thread.submit(asyncio.run, line).result()
    took_s = time.monotonic() - began
    used_s = _cpu_s(console) - before
    context.close()
    return {
        "tabs": load.tabs,
        "line_per_s": round(len(answers.line_ms) / took_s, 1),
        "console_cpu_share": round(used_s / took_s, 3),
    }


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    used: float = times.user + times.system
    return used
