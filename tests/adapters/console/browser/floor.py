"""A line with parts that wait for people, over a real ledger and with logins, and its console."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from support.browser_pages import TIMEOUT_MS, KillableConsole, ServedConsole, keep_screenshot
from support.console_api import ReviewStores, line_services_of, services_of
from support.console_parts import a_picture
from support.databases import fetch
from support.fakes import a_part, a_pipeline
from support.people import PASSWORD

from inspector.access.audit import Audit
from inspector.access.sessions import Sessions
from inspector.access.tokens import Tokens
from inspector.access.users import Users
from inspector.adapters.console.access import AccessServices
from inspector.adapters.ledger import (
    DeclaredVersion,
    FileEvidence,
    SqlArchive,
    SqlAuditStore,
    SqlEventStore,
    SqlLeaseStore,
    SqlLedger,
    SqlLineStore,
    SqlPeople,
    SqlReviewStore,
    store_versions,
    upgrade,
)
from inspector.domain.decision import Decision, Reason, Verdict
from inspector.domain.declared import Disposition, Severity, ViewName
from inspector.domain.heat_map import HeatMap
from inspector.domain.person import Role
from inspector.domain.report import Box, Finding, Words, WordsState
from inspector.domain.vote import Opinion, Vote
from inspector.messages.topics import Topics
from inspector.settings import Settings
from inspector.utc import utc_now

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

PARTS: Final = 34
OPEN: Final = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT)
VOTES: Final = (
    Vote(ViewName.DIRECT, 0, 0.41, 1, 31.5, "No"),
    Vote(ViewName.COMPARE, 1, 0.62, 1, 44.0, "Yes"),
    Vote(ViewName.ZOOM, 1, 0.58, 1, 52.0, "Yes"),
)
SCRATCH: Final = Finding("scratch", Severity.MAJOR, Box(0.28, 0.37, 0.63, 0.59), "A bright scratch across the board.")
HEATED: Final = Opinion(0.7, 4.0, "far", HeatMap(2, 3, Box(0.1, 0.2, 0.9, 1.0), 0.5, 4.0, bytes([0, 1, 2, 3, 4, 255])))
PAINTED: Final = """before => {
    const desk = document.querySelector('[data-testid=desk]')
    return desk && desk.dataset.part !== before && desk.dataset.painted === desk.dataset.part
}"""


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A folder with the ledger and the pictures of a line whose parts wait. Floors are copies of it."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> StoredLine:
        url = ledger_url(folder)
        upgrade(url)
        evidence = FileEvidence(folder / "evidence")
        golden = tuple(evidence.put(a_picture(side), "image/jpeg").sha256 for side in (160, 170))
        pipeline = a_pipeline(
            cameras=["cam1"],
            ladder=[{"views": ["direct"]}, {"views": ["compare", "zoom"]}],
            golden_samples=["a.jpg", "b.jpg"],
            reviews={"audit_review": 0.0},
            thresholds={"pass_below": 0.2, "reject_above": 0.85},
        )
        store_versions(url, [DeclaredVersion(pipeline, golden, author="cli:root", reason="first version")])
        with ThreadPoolExecutor(1) as thread:  # this thread runs the browser's event loop
            thread.submit(asyncio.run, _record(url, evidence)).result()
        with closing(SqlPeople(url)) as people:
            users = Users(people)
            users.add("ann", {"*": Role.ADMIN}, PASSWORD, "cli:root")
            users.add("bob", {"*": Role.REVIEWER}, PASSWORD, "ann")
        return cls(folder)

    def copy(self, folder: Path) -> str:
        """Copy the ledger, without the pictures; return its URL."""
        shutil.copy(self.folder / "ledger.db", folder / "ledger.db")
        return ledger_url(folder)


def ledger_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'ledger.db'}"


async def _record(url: str, evidence: FileEvidence) -> None:
    words = Words(WordsState.WRITTEN, (SCRATCH,), '{"defect": "scratch"}', 31, 240.0)
    async with SqlLedger(url) as ledger:
        for number in range(PARTS):
            part = replace(
                a_part(f"t{number}", result_id=f"r{number:02}", decision=OPEN, votes=VOTES, part_id=f"SN-{number}"),
                rungs=2,
                p_ng=0.3 + number / 100,
                lot=f"L{number % 3}",
                words=words if number == 2 else Words(WordsState.NONE),
                opinion=HEATED if number == 2 else None,
                received_at=utc_now(),
                decided_at=utc_now(),
                evidence=evidence.put(a_picture(200 + number), "image/jpeg"),
            )
            await ledger.record(part, [])


class FloorConsole(Protocol):
    """A console that ends and comes back at the same address."""

    @property
    def address(self) -> str: ...

    def stop(self) -> None: ...

    def start(self) -> None: ...


@dataclass
class Floor:
    """A console over a line of its own, and the people who log in to it."""

    served: FloorConsole
    url: str
    open_page: Callable[[str], Page]
    errors: list[str]
    errors_expected: list[str] = field(default_factory=lambda: ["net::ERR_", "401 (Unauthorized)"])

    def stored(self) -> list[tuple[str, str, str]]:
        """Part, answer and reviewer of each row, oldest first; a withdrawal's answer is an empty text."""
        rows = fetch(
            self.url,
            "SELECT parts.result_id, reviews.label, reviews.reviewer FROM reviews"
            " JOIN parts ON parts.number = reviews.part ORDER BY reviews.number",
        )
        return [(part, label or "", reviewer) for part, label, reviewer in rows]

    def require_no_errors(self) -> None:
        assert [each for each in self.errors if not any(known in each for known in self.errors_expected)] == []

    def wait_stored(self, page: Page, count: int) -> list[tuple[str, str, str]]:
        for _ in range(TIMEOUT_MS // 50):
            if len(self.stored()) >= count:
                break
            page.wait_for_timeout(50)
        return self.stored()


@contextmanager
def open_floor(browser: Browser, line: StoredLine, folder: Path) -> Iterator[Floor]:
    """Serve a copy of a stored line."""
    url = line.copy(folder)
    with ExitStack() as open_now:
        archive = open_now.enter_context(closing(SqlArchive(url)))
        people = open_now.enter_context(closing(SqlPeople(url)))
        store = open_now.enter_context(closing(SqlReviewStore(url, Topics())))
        leases = open_now.enter_context(closing(SqlLeaseStore(url)))
        audit = open_now.enter_context(closing(SqlAuditStore(url)))
        access = AccessServices(Users(people), Sessions(people, people), Tokens(people), Audit(audit))
        stores = ReviewStores(archive, store, leases)
        evidence = FileEvidence(line.folder / "evidence")
        services = services_of(
            archive,
            evidence,
            lines=SqlLineStore(url),
            reviews=stores,
            access=access,
            acknowledgements=SqlEventStore(url),
        )
        served = ServedConsole(replace(services, changes=line_services_of(url, line.folder)))
        open_now.callback(served.end)
        yield _floor(browser, served, url, open_now)


@contextmanager
def open_killable_floor(browser: Browser, line: StoredLine, folder: Path) -> Iterator[Floor]:
    """Serve a copy of a stored line by a process of its own, as `inspector serve` does; to stop it is to kill it."""
    url = line.copy(folder)
    settings = Settings(data=folder, database_url=url, evidence_url=str(line.folder / "evidence"))
    with ExitStack() as open_now:
        yield _floor(browser, open_now.enter_context(KillableConsole(settings)), url, open_now)


def _floor(browser: Browser, served: FloorConsole, url: str, open_now: ExitStack) -> Floor:
    errors: list[str] = []
    return Floor(served, url, lambda name: _open_page(browser, served.address, open_now, errors, name), errors)


def _open_page(browser: Browser, address: str, open_now: ExitStack, errors: list[str], name: str) -> Page:
    """Return a page of somebody who has logged in; without a name, of nobody."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=address, locale="en-GB")
    open_now.callback(context.close)
    context.set_default_timeout(TIMEOUT_MS)
    if name:
        log_in(context, name)
    page = context.new_page()
    open_now.callback(keep_screenshot, page)
    watch(page, address, errors)
    return page


def log_in(context: BrowserContext, name: str) -> None:
    """Give the browser a login, as the form does."""
    answer = context.request.post("/api/v1/session", data={"name": name, "password": PASSWORD})
    assert answer.status == 201, answer.text()


def watch(page: Page, address: str, errors: list[str]) -> None:
    """Note errors in the browser's log, and requests to other hosts."""

    def note_log(said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            errors.append(f"{said.text} {said.location.get('url', '')}")

    def note_request(sent: Request) -> None:
        if not sent.url.startswith((address, "blob:")):
            errors.append(f"foreign: {sent.url}")

    page.on("console", note_log)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", note_request)


def fill_login(page: Page, name: str) -> None:
    page.get_by_label("User").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def open_desk(floor: Floor, name: str) -> Page:
    """Return the review page of somebody, with its first part painted."""
    page = floor.open_page(name)
    page.goto("/review")
    page.wait_for_function(PAINTED, arg="")
    return page


def part(page: Page) -> str:
    return page.get_by_test_id("desk").get_attribute("data-part") or ""


def press(page: Page, *keys: str) -> str:
    """Press keys that answer a part; return the part that is painted next."""
    before = part(page)
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_function(PAINTED, arg=before)
    return part(page)
