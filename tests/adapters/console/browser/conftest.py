"""The pages in a real Chromium, against the real console over records in memory.

A test fails where a page writes an error to the browser's log, violates its policy, or asks another host for anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from support.browser_pages import ServedConsole, open_browser, open_context, open_page, require_pages
from support.console_api import services_of
from support.fakes import NOON, MemoryEvidence, MemoryLedger, a_pipeline, live_version

from inspector.adapters.ledger import SqlArchive, upgrade
from inspector.domain.line_version import VersionOrigin
from inspector.lines.versions import Versions
from inspector.ports.lines import LineVersion
from inspector.statistics.calendar import PlantCalendar
from inspector.statistics.statistics import Statistics

from .floor import Floor, StoredLine, open_floor, open_killable_floor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


class Console(NamedTuple):
    """A console that runs, with what it shows."""

    address: str
    ledger: MemoryLedger
    evidence: MemoryEvidence


@dataclass(frozen=True, slots=True)
class MemoryVersions:
    """The newest versions of a ledger in memory, as stored ones."""

    ledger: MemoryLedger

    def versions(self, line: str) -> list[LineVersion]:
        own = [each for each in self.ledger.versions if each.pipeline.line == line]
        made = (None, "cli:root", "", VersionOrigin.FILE, NOON, "")
        return [LineVersion(line, each.version, each.pipeline, (), *made) for each in own]


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
    services = services_of(*records)
    stored: Any = MemoryVersions(records[0])
    versions = Versions(stored)
    changes = replace(services.changes, versions=versions)
    questions = replace(services.questions, versions=versions)
    served = ServedConsole(replace(services, statistics=statistics, changes=changes, questions=questions))
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


@pytest.fixture(scope="session")
def stored_line(tmp_path_factory: pytest.TempPathFactory) -> StoredLine:
    require_pages()
    return StoredLine.make(tmp_path_factory.mktemp("line"))


@pytest.fixture
def floor(browser: Browser, stored_line: StoredLine, tmp_path: Path) -> Iterator[Floor]:
    """A line of the test's own. Messages in browsers' logs fail it, but those of a lost network or login."""
    with open_floor(browser, stored_line, tmp_path) as floor:
        yield floor
    floor.require_no_errors()


@pytest.fixture
def killable_floor(browser: Browser, stored_line: StoredLine, tmp_path: Path) -> Iterator[Floor]:
    """A floor whose console is a process of its own."""
    with open_killable_floor(browser, stored_line, tmp_path) as floor:
        yield floor
    floor.require_no_errors()


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
