"""People log in at the plant's identity provider, with the provider's own page, in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
from support.browser_pages import ServedConsole, open_context, require_pages
from support.console_api import services_of
from support.fakes import MemoryEvidence, MemoryLedger, a_pipeline, live_version
from support.identity_provider import identity_provider_server
from support.people import Clock, Plant

from inspector.access.audit import Audit
from inspector.access.roles import parse_group_roles
from inspector.access.sign_on import SignOn
from inspector.adapters.console.access import AccessServices
from inspector.adapters.ledger import SqlAuditStore, SqlPeople, upgrade
from inspector.adapters.oidc import OidcClient, OidcProvider, ProviderHttp
from inspector.utc import utc_now

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PEOPLE: Final = {
    "kim": {"preferred_username": "Kim.Minji@plant.example", "groups": ["CN=engineers,OU=plant"]},
    "lee": {"preferred_username": "lee", "groups": ["washer-reviewers"]},
    "choi": {"preferred_username": "choi", "groups": ["canteen"]},
}
ROLES: Final = ("CN=engineers,OU=plant=engineer", "washer-reviewers=reviewer@washer")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A console whose people log in at a provider of this machine."""
    require_pages()
    url = f"sqlite:///{tmp_path_factory.mktemp('people') / 'people.db'}"
    upgrade(url)
    with (
        identity_provider_server(PEOPLE) as server,
        closing(SqlPeople(url)) as people,
        closing(SqlAuditStore(url)) as audit,
        httpx.Client() as http,
    ):
        plant = Plant(url, people, Clock(utc_now()))
        provider = OidcProvider(OidcClient(server.issuer, "inspector", "a-secret"), ProviderHttp(http))
        sign_on = SignOn(provider, people, plant.sessions, parse_group_roles(ROLES), plant.clock)
        access = AccessServices(plant.users, plant.sessions, plant.tokens, Audit(audit), sign_on=sign_on)
        ledger: Any = MemoryLedger([live_version(a_pipeline(cameras=["cam1"]), 1, ())])
        served = ServedConsole(services_of(ledger, MemoryEvidence(), access=access))
        yield served.address
        served.end()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page of somebody who has not logged in. The provider's page asks a server of the internet for its style."""
    with open_context(browser, address) as context:
        context.route("https://cdn.jsdelivr.net/**", lambda route: route.fulfill(body="", content_type="text/css"))
        yield context.new_page()


def begin(page: Page, wanted: str) -> None:
    """Ask for a page, be sent to the login, and go on to the provider's page."""
    page.goto(wanted)
    page.get_by_role("link", name="Log in with the plant's account").click()
    page.get_by_role("heading", name="Authorize Client").wait_for()


def log_in(page: Page, wanted: str, subject: str) -> None:
    begin(page, wanted)
    page.get_by_placeholder("sub").fill(subject)
    page.get_by_role("button", name="Authorize", exact=True).click()


def test_a_person_comes_back_to_the_page_with_the_roles_of_the_groups(page: Page, address: str) -> None:
    log_in(page, "/account", "kim")
    page.wait_for_url(f"{address}/account")
    page.get_by_role("heading", name="kim.minji").wait_for()
    page.get_by_text("Engineer", exact=False).first.wait_for()
    page.get_by_test_id("pause-line").wait_for()  # which only engineers have


def test_a_role_of_one_line_is_no_role_of_another(page: Page, address: str) -> None:
    log_in(page, "/account", "lee")
    page.wait_for_url(f"{address}/account")
    page.get_by_role("heading", name="lee").wait_for()
    page.get_by_text("washer").first.wait_for()
    assert page.get_by_test_id("pause-line").count() == 0


def test_somebody_whose_groups_may_nothing_is_told_so(page: Page) -> None:
    log_in(page, "/parts", "choi")
    page.get_by_role("alert").wait_for()
    assert "choi" in page.get_by_role("alert").inner_text()
    assert page.get_by_test_id("who").count() == 0


def test_a_login_that_is_broken_off_at_the_provider_leads_back(page: Page, address: str) -> None:
    begin(page, "/parts")
    page.get_by_role("button", name="Deny").click()
    page.get_by_role("alert").wait_for()
    assert page.url.startswith(f"{address}/")
    page.get_by_role("link", name="Log in with the plant's account").wait_for()
