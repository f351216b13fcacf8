"""The console's pages in a real Chromium: a console on a thread of its own, pages whose errors fail, checks of layout.

The checks need the front end that `make web` builds.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from support.serve_process import free_port

from inspector.adapters.console.app import console_app
from inspector.adapters.console.server import RunningConsole
from inspector.adapters.console.services import ConsoleServices
from inspector.adapters.console.web_pages import DIST
from inspector.operations.console_process import console_process
from inspector.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

CHROMIUM: Final = Path("/usr/bin/chromium")
FLAGS: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
TIMEOUT_MS: Final = 20_000
SCREENSHOTS: Final = "BROWSER_SCREENSHOTS"
AXE: Final = DIST.parent / "node_modules" / "axe-core" / "axe.min.js"
WCAG: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")


class ServedConsole:
    """The console on an event loop of its own thread. It can be stopped and started again at the same address."""

    def __init__(self, services: ConsoleServices) -> None:
        self._services = services
        self.port = free_port()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._running = RunningConsole(console_app(self._services), "127.0.0.1", self.port)
        asyncio.run_coroutine_threadsafe(self._running.start(), self._loop).result(60)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._running.close(), self._loop).result(60)

    def end(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class KillableConsole:
    """The console of these settings in a process of its own, killed by SIGKILL; it comes back at the same address."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.model_copy(update={"console_port": free_port()})
        self._process = ExitStack()

    def __enter__(self) -> KillableConsole:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()

    @property
    def address(self) -> str:
        return self._settings.console_url.rstrip("/")

    def start(self) -> None:
        self._running = self._process.enter_context(console_process(self._settings))

    def stop(self) -> None:
        self._running.kill()
        self._process.close()


def require_pages() -> None:
    """Skip the test where the pages are not built."""
    if not (DIST / "index.html").is_file():
        pytest.skip("the pages are not built: make web")


@contextmanager
def open_browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def open_context(browser: Browser, address: str) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=address, locale="en-GB")
    context.set_default_timeout(TIMEOUT_MS)
    yield context
    context.close()


@contextmanager
def open_page(context: BrowserContext, address: str, expected_errors: Sequence[str] = ()) -> Iterator[Page]:
    """Open a page that may write no error to the browser's log, and may ask no other host for anything."""
    page, urls, errors = context.new_page(), list[str](), list[str]()
    page.on("request", lambda request: urls.append(request.url))
    page.on(
        "console", lambda message: errors.append(_logged(message)) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        yield page
    finally:
        keep_screenshot(page)
    here = re.compile(rf"{re.escape(address)}/|blob:")
    elsewhere = [url for url in urls if not here.match(url)]
    logged = [each for each in errors if not any(known in each for known in expected_errors)]
    assert (elsewhere, logged) == ([], []), (elsewhere, logged)


def keep_screenshot(page: Page, name: str = "") -> None:
    """Keep what the page looks like in the folder that BROWSER_SCREENSHOTS names; without it, do nothing."""
    folder = os.environ.get(SCREENSHOTS)
    if not folder or page.is_closed():
        return
    from playwright.sync_api import Error

    module, _, test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0].partition("::")
    stem = re.sub(r"[^A-Za-z0-9_.]+", "-", f"{Path(module).stem} {test} {name}").strip("-")
    file = Path(folder) / f"{stem}.png"
    with suppress(Error):  # of a page that crashed: the test's own error counts
        page.screenshot(path=file, full_page=True)


def sideways_scroll(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    wide: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wide


def wcag_violations(page: Page, rules: Sequence[str] = ()) -> list[tuple[str, str]]:
    """List rules of WCAG 2.2 AA that the page breaks, or which of these rules.

    The driver puts axe-core in: the policy lets no script in.
    """
    page.evaluate(AXE.read_text())
    only = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": list(WCAG)}
    found: dict[str, Any] = page.evaluate("only => axe.run(document, {runOnly: only})", only)
    return [(each["id"], each["nodes"][0]["html"][:120]) for each in found["violations"]]


def _logged(message: ConsoleMessage) -> str:
    return f"{message.text} {message.location.get('url', '')}"
