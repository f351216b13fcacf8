"""Logging in at a real OpenID Connect provider, over the console's own pages."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from support.console_api import services_of
from support.fakes import MemoryLedger
from support.identity_provider import IdentityProviderServer, challenge_of, identity_provider_server
from support.people import PASSWORD, Clock, Plant

from inspector.access.audit import Audit
from inspector.access.roles import parse_group_roles
from inspector.access.sign_on import LONGEST_SESSION, LONGEST_TICKET, SignOn
from inspector.adapters.console.access import AccessServices
from inspector.adapters.console.api.app import rest_app
from inspector.adapters.console.api.sign_on import TICKET_COOKIE
from inspector.adapters.ledger import FileEvidence, SqlAuditStore, SqlPeople, upgrade
from inspector.adapters.oidc import OidcClient, OidcProvider, ProviderHttp
from inspector.utc import utc_now

USERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "1": {"preferred_username": "Kim.Minji@plant.example", "groups": ["CN=engineers,OU=plant", "all"]},
    "2": {"preferred_username": "lee", "groups": ["washer-reviewers", "readers"]},
    "3": {"preferred_username": "choi", "groups": ["canteen"]},
    "4": {"preferred_username": "ann", "groups": ["readers"]},
    "5": {"preferred_username": "lee", "groups": ["CN=engineers,OU=plant"]},
    "6": {"preferred_username": "민지", "groups": ["readers"]},
    "7": {"preferred_username": "sign-on", "groups": ["readers"]},
    "8": {"groups": ["readers"]},
}
ROLES: Final = ("CN=engineers,OU=plant=engineer", "washer-reviewers=reviewer@washer", "readers=viewer", "admins=admin")
PAGE: Final = {"accept": "text/html", "accept-language": "en"}


@pytest.fixture(scope="module")
def server() -> Iterator[IdentityProviderServer]:
    with identity_provider_server(USERS) as running:
        yield running


class SignOnConsole(NamedTuple):
    plant: Plant
    sign_on: SignOn
    app: FastAPI

    def browser(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, client=("10.0.0.7", 1234))
        return httpx.AsyncClient(transport=transport, base_url="http://plant", headers=PAGE)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with our tables."""
    file = tmp_path_factory.mktemp("ledger") / "ledger.db"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
def console(server: IdentityProviderServer, ledger: Path, tmp_path: Path) -> Iterator[SignOnConsole]:
    with console_of(server, ledger, tmp_path) as opened:
        yield opened


@contextmanager
def console_of(server: IdentityProviderServer, ledger: Path, folder: Path) -> Iterator[SignOnConsole]:
    url = f"sqlite:///{shutil.copy(ledger, folder)}"
    with closing(SqlPeople(url)) as people, closing(SqlAuditStore(url)) as audit, httpx.Client() as http:
        clock = Clock(utc_now())
        plant = Plant(url, people, clock)
        provider = OidcProvider(
            OidcClient(server.issuer, "inspector", "a-secret"), ProviderHttp(http), lambda: clock.now.timestamp()
        )
        sign_on = SignOn(provider, people, plant.sessions, parse_group_roles(ROLES), clock)
        access = AccessServices(plant.users, plant.sessions, plant.tokens, Audit(audit), sign_on=sign_on)
        memory: Any = MemoryLedger()
        yield SignOnConsole(plant, sign_on, rest_app(services_of(memory, FileEvidence(str(folder)), access=access)))


async def begun(browser: httpx.AsyncClient, wanted: str = "/parts") -> str:
    """Press the button; returns the provider's page."""
    answer = await browser.get("/login/oidc", params={"next": wanted})
    assert answer.status_code == httpx.codes.SEE_OTHER, answer.text
    return str(answer.headers["location"])


async def signed_on(browser: httpx.AsyncClient, server: IdentityProviderServer, subject: str) -> httpx.Response:
    back = server.return_address(await begun(browser), subject)
    return await browser.get(back)


def alert(answer: httpx.Response) -> str:
    [text] = re.findall(r'<p role="alert">(.*?)</p>', answer.text)
    return str(text)


async def test_a_person_logs_in_with_the_roles_of_the_groups(
    console: SignOnConsole, server: IdentityProviderServer
) -> None:
    async with console.browser() as browser:
        login = await browser.get("/login", params={"next": "/parts"})
        assert "Log in with the plant&#x27;s account" in login.text
        assert 'href="/login/oidc?next=%2Fparts"' in login.text
        answer = await signed_on(browser, server, "1")
        assert answer.status_code == httpx.codes.OK
        assert 'content="0; url=/parts"' in answer.text
        assert TICKET_COOKIE not in browser.cookies
        session = (await browser.get("/api/v1/session")).json()
    assert (session["name"], session["roles"]) == ("kim.minji", {"*": "ENGINEER"})
    assert console.plant.actions()[-2:] == [
        ("sign-on", "user.add", "kim.minji"),
        ("kim.minji", "session.add", "kim.minji"),
    ]
    [opened] = console.plant.sessions.all("kim.minji")
    assert opened.ends_at - opened.created_at == LONGEST_SESSION


async def test_the_provider_is_asked_with_pkce_state_and_nonce(
    console: SignOnConsole, server: IdentityProviderServer
) -> None:
    async with console.browser() as browser:
        page = await begun(browser)
        asked = {name: values[0] for name, values in parse_qs(urlsplit(page).query).items()}
        await browser.get(server.return_address(page, "2"))
    sent = server.forms[-1]
    assert asked["redirect_uri"] == sent["redirect_uri"] == "http://plant/login/oidc/return"
    assert (asked["code_challenge"], asked["code_challenge_method"]) == (challenge_of(sent["code_verifier"]), "S256")
    assert len({asked["state"], asked["nonce"], sent["code_verifier"]}) == 3
    assert min(len(asked["state"]), len(asked["nonce"]), len(sent["code_verifier"])) >= 43


async def test_roles_of_all_groups_join_by_line_and_follow_the_provider(
    console: SignOnConsole, server: IdentityProviderServer
) -> None:
    async with console.browser() as browser:
        await signed_on(browser, server, "2")
        assert (await browser.get("/api/v1/session")).json()["roles"] == {"*": "VIEWER", "washer": "REVIEWER"}
        server.set_user("2", {"preferred_username": "lee", "groups": ["readers"]})
        await signed_on(browser, server, "2")
        assert (await browser.get("/api/v1/session")).json()["roles"] == {"*": "VIEWER"}
    assert ("sign-on", "user.roles", "lee") in console.plant.actions()


async def test_who_lost_every_group_is_refused_and_logged_out(
    console: SignOnConsole, server: IdentityProviderServer
) -> None:
    server.set_user("9", {"preferred_username": "park", "groups": ["readers"]})
    async with console.browser() as browser, console.browser() as other:
        await signed_on(browser, server, "9")
        server.set_user("9", {"preferred_username": "park", "groups": []})
        console.plant.clock.pass_by(seconds=1)
        refused = await signed_on(other, server, "9")
        assert refused.status_code == httpx.codes.FORBIDDEN
        assert (await browser.get("/api/v1/session")).status_code == httpx.codes.UNAUTHORIZED


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("3", "INSPECTOR_OIDC_ROLES"),
        ("4", "another identity or a password"),
        ("6", "INSPECTOR_OIDC_NAME_CLAIM"),
        ("7", "INSPECTOR_OIDC_NAME_CLAIM"),
        ("8", "INSPECTOR_OIDC_NAME_CLAIM"),
    ],
    ids=["unknown group", "name of a local user", "no Latin letter", "name of another actor", "no name"],
)
async def test_people_who_may_not_log_in_are_told_why(
    console: SignOnConsole, server: IdentityProviderServer, subject: str, said: str
) -> None:
    async with console.browser() as browser:
        answer = await signed_on(browser, server, subject)
        assert answer.status_code == httpx.codes.FORBIDDEN
        assert said in alert(answer)
        assert (await browser.get("/api/v1/session")).status_code == httpx.codes.UNAUTHORIZED
    assert [user.name for user in console.plant.users.all()] == ["ann"]


async def test_the_same_name_with_another_subject_is_somebody_else(
    console: SignOnConsole, server: IdentityProviderServer
) -> None:
    server.set_user("2", {"preferred_username": "lee", "groups": ["readers"]})
    async with console.browser() as browser, console.browser() as other:
        await signed_on(browser, server, "2")
        assert (await signed_on(other, server, "5")).status_code == httpx.codes.FORBIDDEN
    assert console.plant.users.user("lee").roles == {"*": 1}


async def test_a_disabled_user_stays_out_until_an_administrator_says_otherwise(
    console: SignOnConsole, server: IdentityProviderServer
) -> None:
    async with console.browser() as browser:
        await signed_on(browser, server, "1")
        console.plant.users.disable("kim.minji", "ann")
        assert "inspector user enable kim.minji" in alert(await signed_on(browser, server, "1"))
        console.plant.users.enable("kim.minji", "ann")
        assert (await signed_on(browser, server, "1")).status_code == httpx.codes.OK


async def test_local_accounts_stay_and_no_password_opens_an_account_of_the_provider(
    console: SignOnConsole, server: IdentityProviderServer
) -> None:
    async with console.browser() as browser:
        await signed_on(browser, server, "1")
        stored = console.plant.store.credentials("kim.minji")
        assert stored is not None
        for password in (stored.password, "", PASSWORD):
            login = await browser.post("/api/v1/session", json={"name": "kim.minji", "password": password})
            assert login.status_code == httpx.codes.UNAUTHORIZED
        local = await browser.post("/api/v1/session", json={"name": "ann", "password": PASSWORD})
        assert local.status_code == httpx.codes.CREATED


async def test_a_wrong_state_opens_nothing(console: SignOnConsole, server: IdentityProviderServer) -> None:
    async with console.browser() as browser:
        back = server.return_address(await begun(browser), "1", state="another")
        answer = await browser.get(back)
    assert answer.status_code == httpx.codes.FORBIDDEN
    assert "was not begun in this browser" in alert(answer)


async def test_a_wrong_nonce_opens_nothing(console: SignOnConsole, server: IdentityProviderServer) -> None:
    async with console.browser() as browser:
        back = server.return_address(await begun(browser), "1", nonce="another")
        answer = await browser.get(back)
    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert "nonce" in alert(answer)
    assert [user.name for user in console.plant.users.all()] == ["ann"]


async def test_another_browser_can_not_use_a_login(console: SignOnConsole, server: IdentityProviderServer) -> None:
    """Somebody who is sent a link of an attacker's login must not be logged in as the attacker."""
    async with console.browser() as attacker, console.browser() as victim:
        back = server.return_address(await begun(attacker), "1")
        await begun(victim)
        assert (await victim.get(back)).status_code == httpx.codes.FORBIDDEN
        victim.cookies.clear()
        assert (await victim.get(back)).status_code == httpx.codes.FORBIDDEN


async def test_a_return_counts_once(console: SignOnConsole, server: IdentityProviderServer) -> None:
    async with console.browser() as browser:
        page = await begun(browser)
        ticket = browser.cookies[TICKET_COOKIE]
        back = server.return_address(page, "1")
        assert (await browser.get(back)).status_code == httpx.codes.OK
        asked = len(server.forms)
        browser.cookies.clear()
        browser.cookies.set(TICKET_COOKIE, ticket)
        answer = await browser.get(back)
        assert (answer.status_code, alert(answer)) == (403, "this login was used already; log in again")
    assert len(server.forms) == asked
    assert len(console.plant.sessions.all("kim.minji")) == 1


async def test_a_code_counts_once_at_the_provider(console: SignOnConsole, server: IdentityProviderServer) -> None:
    async with console.browser() as browser, console.browser() as other:
        back = server.return_address(await begun(browser), "1")
        assert (await browser.get(back)).status_code == httpx.codes.OK
        code = parse_qs(urlsplit(back).query)["code"][0]
        own_state = parse_qs(urlsplit(await begun(other)).query)["state"][0]
        answer = await other.get("/login/oidc/return", params={"code": code, "state": own_state})
    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert "invalid_grant" in alert(answer)


@pytest.mark.parametrize("broken", ["x", "é", "", "A" * 5000, "a" * 64])
async def test_a_forged_ticket_opens_nothing(
    console: SignOnConsole, server: IdentityProviderServer, broken: str
) -> None:
    async with console.browser() as browser:
        back = server.return_address(await begun(browser), "1")
        browser.cookies.clear()
        answer = await browser.get(back, headers=[(b"cookie", f"{TICKET_COOKIE}={broken}".encode())])
    assert answer.status_code == httpx.codes.FORBIDDEN


async def test_a_login_that_took_too_long_ends(console: SignOnConsole, server: IdentityProviderServer) -> None:
    async with console.browser() as browser:
        back = server.return_address(await begun(browser), "1")
        console.plant.clock.now += LONGEST_TICKET
        answer = await browser.get(back)
    assert "took longer than" in alert(answer)


@pytest.mark.parametrize("later", [timedelta(minutes=9), timedelta(minutes=-9)], ids=["expired", "from the future"])
async def test_tokens_of_another_time_are_not_believed(ledger: Path, tmp_path: Path, later: timedelta) -> None:
    with (
        identity_provider_server(USERS, timedelta(minutes=1)) as server,
        console_of(server, ledger, tmp_path) as console,
    ):
        async with console.browser() as browser:
            back = server.return_address(await begun(browser), "1")
            console.plant.clock.now += later
            answer = await browser.get(back)
    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert "compare both clocks" in alert(answer)


async def test_refusals_of_the_provider_are_shown_in_one_harmless_line(console: SignOnConsole) -> None:
    async with console.browser() as browser:
        for error in ("access_denied", "<script>alert(1)</script>\n" * 50):
            answer = await browser.get("/login/oidc/return", params={"error": error, "state": "x"})
            assert answer.status_code == httpx.codes.FORBIDDEN
            assert "<script" not in answer.text
            assert len(alert(answer)) < 400


async def test_a_provider_that_is_away_leaves_passwords(ledger: Path, tmp_path: Path) -> None:
    gone = IdentityProviderServer("http://127.0.0.1:9")
    with console_of(gone, ledger, tmp_path) as console:
        async with console.browser() as browser:
            answer = await browser.get("/login/oidc")
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
            assert "log in with a password" in alert(answer)
            login = await browser.post("/api/v1/session", json={"name": "ann", "password": PASSWORD})
            assert login.status_code == httpx.codes.CREATED


async def test_a_slow_provider_does_not_take_the_consoles_threads(console: SignOnConsole) -> None:
    for _ in range(4):
        console.sign_on.room.acquire()
    async with console.browser() as browser:
        answer = await browser.get("/login/oidc")
    assert answer.status_code == httpx.codes.TOO_MANY_REQUESTS


async def test_without_a_provider_there_is_no_button_and_no_way(console: SignOnConsole, tmp_path: Path) -> None:
    people: Any = console.plant
    access = AccessServices(people.users, people.sessions, people.tokens, Audit(SqlAuditStore(people.url)))
    memory: Any = MemoryLedger()
    app = rest_app(services_of(memory, FileEvidence(str(tmp_path)), access=access))
    async with console._replace(app=app).browser() as browser:
        assert "/login/oidc" not in (await browser.get("/login")).text
        assert (await browser.get("/login/oidc")).status_code == httpx.codes.NOT_FOUND


async def test_the_login_page_speaks_korean(console: SignOnConsole) -> None:
    async with console.browser() as browser:
        page = (await browser.get("/login", headers={"accept-language": "ko-KR,ko;q=0.9,en;q=0.8"})).text
    assert '<html lang="ko">' in page
    assert "회사 계정으로 로그인" in page


async def test_a_wanted_page_elsewhere_is_not_followed(console: SignOnConsole, server: IdentityProviderServer) -> None:
    async with console.browser() as browser:
        back = server.return_address(await begun(browser, "//evil.example/"), "1")
        assert 'url=/"' in (await browser.get(back)).text
