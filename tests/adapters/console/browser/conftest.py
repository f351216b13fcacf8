"""The pages in a real Chromium, against the real console over records in memory.

A test fails where a page writes an error to the browser's log, violates its policy, or asks another host for anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from support.browser_pages import ServedConsole, open_browser, open_context, open_page, require_pages
from support.console_api import services_of
from support.fakes import MemoryEvidence, MemoryLedger, a_pipeline, live_version

from inspector.adapters.ledger import SqlArchive, upgrade
from inspector.statistics.calendar import PlantCalendar
from inspector.statistics.statistics import Statistics

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


class Console(NamedTuple):
    """A console that runs, with what it shows."""

    address: str
    ledger: MemoryLedger
    evidence: MemoryEvidence


@pytest.fixture(scope="module")
def records() -> tuple[MemoryLedger, MemoryEvidence]:
    return MemoryLedger([live_version(a_pipeline(cameras=["cam1"]), 1, ())]), MemoryEvidence()


@pytest.fixture(scope="module")
def served(
    records: tuple[MemoryLedger, MemoryEvidence], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServedConsole]:
    require_pages()
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
    return Console(served.address, ledger, evidence)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def context(browser: Browser, console: Console) -> Iterator[BrowserContext]:
    with open_context(browser, console.address) as context:
        yield context


@pytest.fixture
def expected_errors() -> list[str]:
    """Parts of messages in the browser's log that a test expects, such as those of a stopped service."""
    return []


@pytest.fixture
def page(context: BrowserContext, console: Console, expected_errors: list[str]) -> Iterator[Page]:
    with open_page(context, console.address, expected_errors) as page:
        yield page
