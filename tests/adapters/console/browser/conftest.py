"""The pages in a real Chromium, against the real console over records in memory.

A test fails where a page writes an error to the browser's log, violates its policy, or asks another host for anything.
"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from support.console_api import services_of
from support.fakes import MemoryEvidence, MemoryLedger, a_pipeline, live_version

from inspector.adapters.console.app import console_app
from inspector.adapters.console.server import RunningConsole
from inspector.adapters.console.services import ConsoleServices
from inspector.adapters.console.web_pages import DIST
from inspector.adapters.ledger import SqlArchive, upgrade
from inspector.statistics.calendar import PlantCalendar
from inspector.statistics.statistics import Statistics

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

CHROMIUM: Final = Path("/usr/bin/chromium")
FLAGS: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
TIMEOUT_MS: Final = 20_000


class Console(NamedTuple):
    """A console that runs, with what it shows."""

    address: str
    ledger: MemoryLedger
    evidence: MemoryEvidence


class ServedConsole:
    """The console on an event loop of its own thread. It can be stopped and started again at the same address."""

    def __init__(self, services: ConsoleServices) -> None:
        self._services = services
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.start()

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


@pytest.fixture(scope="module")
def records() -> tuple[MemoryLedger, MemoryEvidence]:
    return MemoryLedger([live_version(a_pipeline(cameras=["cam1"]), 1, ())]), MemoryEvidence()


@pytest.fixture(scope="module")
def served(
    records: tuple[MemoryLedger, MemoryEvidence], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServedConsole]:
    if not (DIST / "index.html").is_file():
        pytest.skip("the pages are not built: make web")
    url = f"sqlite:///{tmp_path_factory.mktemp('console') / 'statistics.db'}"
    upgrade(url)
    statistics = Statistics(SqlArchive(url), PlantCalendar(ZoneInfo("UTC")))
    served = ServedConsole(replace(services_of(*records), statistics=statistics))
    yield served
    served.end()


@pytest.fixture
def console(served: ServedConsole, records: tuple[MemoryLedger, MemoryEvidence]) -> Console:
    """Return the console without parts, cameras and events."""
    ledger, evidence = records
    for kept in (ledger.rows, ledger.seen, ledger.events, evidence.pictures):
        kept.clear()
    ledger.away = False
    ledger.versions = [live_version(a_pipeline(cameras=["cam1"]), 1, ())]
    return Console(f"http://127.0.0.1:{served.port}", ledger, evidence)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, console: Console) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=console.address, locale="en-GB")
    context.set_default_timeout(TIMEOUT_MS)
    yield context
    context.close()


@pytest.fixture
def expected_errors() -> list[str]:
    """Parts of messages in the browser's log that a test expects, such as those of a stopped service."""
    return []


def _logged(message: ConsoleMessage) -> str:
    return f"{message.text} {message.location.get('url', '')}"


@pytest.fixture
def page(context: BrowserContext, console: Console, expected_errors: list[str]) -> Iterator[Page]:
    page, urls, errors = context.new_page(), list[str](), list[str]()
    page.on("request", lambda request: urls.append(request.url))
    page.on(
        "console", lambda message: errors.append(_logged(message)) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    here = re.compile(rf"http://{re.escape(console.address.removeprefix('http://'))}/|blob:")
    assert [url for url in urls if not here.match(url)] == []
    assert [each for each in errors if not any(known in each for known in expected_errors)] == []
