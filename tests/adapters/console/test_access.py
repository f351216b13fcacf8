"""Who may use the console: nobody unknown, nobody with too small a role, and no page of another origin."""

from __future__ import annotations

import asyncio
import json
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest
from support.console_api import services_of, sql_services
from support.fakes import a_part, a_pipeline
from support.people import PASSWORD, Clock, Plant
from support.reviews import add_reviews, labelled

from inspector.access.audit import Audit
from inspector.access.login_secret import stored_form
from inspector.access.roles import parse_roles
from inspector.access.tokens import TokenRequest
from inspector.adapters.camera import CameraPictureReader
from inspector.adapters.console.access import AccessServices, visitor
from inspector.adapters.console.api import request_login
from inspector.adapters.console.api.app import openapi_text, rest_app
from inspector.adapters.console.api.body_limits import MAX_BYTES, MAX_OPEN_BYTES
from inspector.adapters.console.app import console_app
from inspector.adapters.ledger import (
    DeclaredVersion,
    FileEvidence,
    SqlArchive,
    SqlAuditStore,
    SqlJobStore,
    SqlLedger,
    SqlPeople,
    store_versions,
    upgrade,
)
from inspector.domain.person import Role
from inspector.lines.new_lines import NewLines
from inspector.ports.access import AuditFilter
from inspector.ports.archive import PartFilter
from inspector.ports.jobs import JobKind, NewJob
from inspector.ports.ledger import CameraActivity, Event
from inspector.utc import utc_now

DOCUMENT: Final = json.loads(openapi_text())
VALUES: Final = {"line": "pcb", "number": "1", "position": "1"}  # of path parameters; others are texts
LINES: Final = ("service", "pcb", "cap")
METRICS_TOKEN: Final = "0123456789abcdef0123456789abcdef"
PAGE: Final = {"accept": "text/html"}
MIB_OF_SPACES: Final = b" " * (1024 * 1024)


OWN_LINES: Final = {  # answered with what the person's lines allow
    f"/api/v1/{name}"
    for name in (
        "lines",
        "health",
        "parts",
        "events",
        "totals",
        "cameras",
        "unknown-cameras",
        "stream",
        "reviews",
        "jobs",
    )
} | {f"/api/v1/stats/{name}" for name in ("pareto", "yield", "errors", "reviewers")}


class Operation(NamedTuple):
    method: str
    path: str
    is_open: bool
    role: Role | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def operations() -> list[Operation]:
    return [
        Operation(method.upper(), path, described.get("security") == [], role_of(described))
        for path, methods in DOCUMENT["paths"].items()
        for method, described in methods.items()
    ]


def role_of(described: dict[str, Any]) -> Role | None:
    name = described.get("x-required-role")
    return Role[name.upper()] if name else None


def address(path: str) -> str:
    parts = (part if "{" not in part else VALUES.get(part.strip("{}"), "x") for part in path.split("/"))
    return "/".join(parts)


class Console(NamedTuple):
    plant: Plant
    access: AccessServices
    services: Any

    def client(self, token: str = "", **headers: str) -> httpx.AsyncClient:
        given = headers | ({"authorization": f"Bearer {token}"} if token else {})
        transport = httpx.ASGITransport(rest_app(self.services, Metrics()), client=("10.0.0.7", 1234))
        return httpx.AsyncClient(transport=transport, base_url="http://plant", headers=given)

    def token(self, *roles: str, name: str = "") -> str:
        asked = TokenRequest(name or f"mes{len(self.plant.tokens.all()) or ''}", parse_roles(roles))
        return self.plant.tokens.create(asked, "ann").secret

    def actions(self) -> list[tuple[str, str, str]]:
        return self.plant.actions()


class Metrics:
    media_type = "text/plain"

    def render(self) -> bytes:
        return b"inspector_up 1\n"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with two lines."""
    file = tmp_path_factory.mktemp("prepared") / "ledger.db"
    url = f"sqlite:///{file}"
    upgrade(url)
    store_versions(url, [DeclaredVersion(a_pipeline("pcb"), ()), DeclaredVersion(a_pipeline("cap"), ())])
    return file


@pytest.fixture
def console(prepared: Path, tmp_path: Path) -> Iterator[Console]:
    yield from opened(prepared, tmp_path)


@pytest.fixture(scope="module")
def refusing(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console that all tests share whose requests are refused."""
    yield from opened(prepared, tmp_path_factory.mktemp("refusing"))


def opened(prepared: Path, folder: Path) -> Iterator[Console]:
    url = f"sqlite:///{shutil.copy(prepared, folder)}"
    with closing(SqlPeople(url)) as people, closing(SqlAuditStore(url)) as audit:
        plant = Plant(url, people, Clock())
        access = AccessServices(
            plant.users, plant.sessions, plant.tokens, Audit(audit), metrics_token=stored_form(METRICS_TOKEN)
        )
        services = replace(sql_services(url, folder), access=access)
        yield Console(plant, access, services)


@pytest.mark.parametrize("operation", operations(), ids=str)
async def test_every_operation_asks_who_it_is(refusing: Console, operation: Operation) -> None:
    """401 without a token, with a wrong one, and with a wrong cookie."""
    for headers in ({}, {"authorization": "Bearer insp_x"}, {"cookie": "inspector_session=x"}):
        async with refusing.client(**headers) as client:
            answer = await client.request(operation.method, address(operation.path))
        assert (answer.status_code == httpx.codes.UNAUTHORIZED) is not operation.is_open, answer.text
        if not operation.is_open:
            assert answer.json()["type"] == "urn:inspector:problem:login-required"
            assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("operation", [each for each in operations() if (each.role or 0) > Role.VIEWER], ids=str)
async def test_every_operation_that_changes_asks_for_its_role(refusing: Console, operation: Operation) -> None:
    """403 with the role below, and with the right role on another line."""
    assert operation.role is not None
    tried = [[Role(operation.role - 1).name.lower()]]
    if "{line}" in operation.path:
        tried.append(["viewer", f"{operation.role.name.lower()}@cap"])
    for roles in tried:
        async with refusing.client(refusing.token(*roles)) as client:
            answer = await client.request(operation.method, address(operation.path))
        assert answer.status_code == httpx.codes.FORBIDDEN, answer.text
        assert answer.json()["type"] == "urn:inspector:problem:role-required"


@pytest.mark.parametrize("operation", [each for each in operations() if each.role is Role.VIEWER], ids=str)
async def test_every_operation_that_reads_is_closed_to_viewers_of_another_line(
    refusing: Console, operation: Operation
) -> None:
    if operation.path in OWN_LINES or operation.method != "GET":
        return
    async with refusing.client(refusing.token("viewer@cap")) as client:
        answer = await client.request(operation.method, address(operation.path))
    is_thing = operation.path.endswith(("{result_id}", "{number}")) or "{result_id}" in operation.path
    assert answer.status_code in ((403, 404) if is_thing else (403,)), answer.text


def test_every_operation_says_what_it_needs() -> None:
    """Open ones are few, and none is forgotten."""
    described = operations()
    assert {str(each) for each in described if each.is_open} == {
        "POST /api/v1/session",
        "GET /health/live",
        "GET /health/ready",
    }
    own = {"/api/v1/session", "/api/v1/session/password", "/api/v1/sessions", "/api/v1/sessions/{session_id}"}
    own |= {"/api/v1/tokens", "/api/v1/tokens/{token_id}"}
    assert {each.path for each in described if each.role is None and not each.is_open} == own


async def test_lists_show_the_lines_of_a_person(console: Console) -> None:
    async with SqlLedger(console.plant.url) as ledger:
        for number, line in enumerate(("pcb", "cap")):
            await ledger.record(a_part(f"t{number}", line=line), [])
    async with console.client(console.token("viewer@cap")) as client:
        assert [each["status"]["line"] for each in (await client.get("/api/v1/lines")).json()] == ["cap"]
        assert (await client.get("/api/v1/lines/cap")).status_code == httpx.codes.OK
        assert (await client.get("/api/v1/lines/pcb")).status_code == httpx.codes.FORBIDDEN
        [part] = (await client.get("/api/v1/parts?line=cap")).json()["parts"]
        part_path = f"/api/v1/parts/{part['verdict']['result_id']}"
        assert (await client.get(part_path)).status_code == httpx.codes.OK
        for path in ("parts", "events", "totals", "cameras"):
            assert (await client.get(f"/api/v1/{path}?line=pcb")).status_code == httpx.codes.FORBIDDEN
        everything = await client.get("/api/v1/exports/parts.csv")
        assert everything.status_code == httpx.codes.FORBIDDEN
        assert "?line=cap" in everything.json()["detail"]
    async with console.client(console.token("viewer@pcb", name="other")) as client:
        assert (await client.get(part_path)).status_code == httpx.codes.FORBIDDEN
        assert (await client.get(f"{part_path}/picture")).status_code == httpx.codes.FORBIDDEN


async def test_person_of_one_line_gets_what_that_line_allows(console: Console) -> None:
    """Lists without a line are of one's own lines: parts, totals, events, cameras."""
    now = utc_now()
    async with SqlLedger(console.plant.url) as ledger:
        for line in ("pcb", "cap"):
            await ledger.record(a_part("t", line=line, decided_at=now), [])
            await ledger.add_camera_activity([CameraActivity(line, "cam1", now, True, 1)])
        await ledger.add_events([Event(f"of {line}", line, None, "SKEW", "INFO", "text", now) for line in LINES])
    async with console.client(console.token("viewer@cap")) as client:
        read = {name: (await client.get(f"/api/v1/{name}")).json() for name in ("parts", "events", "totals", "cameras")}
    assert [each["verdict"]["line"] for each in read["parts"]["parts"]] == ["cap"]
    assert [each["event_id"] for each in read["events"]["events"]] == ["of cap"]
    assert (read["totals"]["parts"], {each["line"] for each in read["totals"]["counts"]}) == (1, {"cap"})
    assert {each["line"] for each in read["cameras"]["cameras"]} == {"cap"}
    async with console.client(console.token("viewer@cap", "viewer@pcb", name="both")) as client:
        assert len((await client.get("/api/v1/parts")).json()["parts"]) == 2
        assert [each["event_id"] for each in (await client.get("/api/v1/events")).json()["events"]] == [
            "of cap",
            "of pcb",
        ]


async def test_reviews_jobs_statistics_and_audit_are_those_of_ones_own_lines(console: Console) -> None:
    now = utc_now()
    async with SqlLedger(console.plant.url) as ledger:
        for line in ("pcb", "cap", "cap"):
            await ledger.record(a_part(uuid.uuid4().hex, line=line, decided_at=now), [])
    with closing(SqlArchive(console.plant.url)) as archive:
        parts = archive.parts(PartFilter(), 10)
    add_reviews(console.plant.url, [labelled(each.part.result_id, True, at=now) for each in parts])
    with closing(SqlJobStore(console.plant.url)) as store:
        for line in ("pcb", "cap"):
            store.add_job(NewJob(JobKind.QUALIFICATION, line, line, "ann", "site", now))
    names = ("reviews", "jobs", "stats/yield", "stats/pareto", "stats/errors", "stats/reviewers", "audit")
    async with console.client(console.token("engineer@cap")) as client:
        own = {name: (await client.get(f"/api/v1/{name}")).json() for name in names}
        for name in names:
            assert (await client.get(f"/api/v1/{name}?line=pcb")).status_code == httpx.codes.FORBIDDEN
            assert (await client.get(f"/api/v1/{name}?line=cap")).json().keys() == own[name].keys()
    async with console.client(console.token("engineer", name="all")) as client:
        every = {name: (await client.get(f"/api/v1/{name}")).json() for name in names}
    assert (len(own["reviews"]["reviews"]), len(every["reviews"]["reviews"])) == (2, 3)
    assert ([each["line"] for each in own["jobs"]["jobs"]], len(every["jobs"]["jobs"])) == (["cap"], 2)
    assert (own["stats/yield"]["total"]["parts"], every["stats/yield"]["total"]["parts"]) == (2, 3)
    ng = [each["stats/errors"]["total"]["escapes"]["parts"] for each in (own, every)]
    assert ng == [2, 3]
    assert [sum(each["answers"] for each in found["stats/reviewers"]["people"]) for found in (own, every)] == [2, 3]
    assert {each["line"] for each in own["audit"]["entries"]} <= {"cap"}
    assert None in {each["line"] for each in every["audit"]["entries"]}


async def test_fresh_service_answers_everything_with_the_command_to_run(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    upgrade(url)
    with closing(SqlPeople(url)) as people:
        from inspector.access.sessions import Sessions
        from inspector.access.tokens import Tokens
        from inspector.access.users import Users

        nothing: Any = None
        access = AccessServices(Users(people), Sessions(people, people), Tokens(people), Audit(nothing))
        app = console_app(services_of(SqlArchive(url), FileEvidence(str(tmp_path)), access=access))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://plant") as client:
            for path, headers in (("/", PAGE), ("/parts/x", PAGE), ("/api/v1/parts", {}), ("/metrics", {}), ("/x", {})):
                answer = await client.get(path, headers=headers)
                assert answer.status_code == httpx.codes.UNAUTHORIZED, path
                assert "inspector user add NAME --role admin" in answer.text, path
            assert (await client.get("/health/live")).status_code == httpx.codes.NO_CONTENT
            assert (await client.get("/health/ready")).status_code == httpx.codes.NO_CONTENT


async def test_login_page_speaks_the_browsers_language_and_says_what_to_do_without_an_account(console: Console) -> None:
    korean = {"accept-language": "ko-KR,ko;q=0.9,en;q=0.8"}
    async with console.client() as client:
        for headers, word, refusal in (({}, "Password", "wrong"), (korean, "비밀번호", "올바르지 않습니다")):
            form = await client.get("/login", headers=headers)
            assert word in form.text
            assert "inspector user add NAME --role admin" in form.text
            assert f"{client.base_url}/admin/users" in form.text.replace("plant//", "plant/")
            refused = await client.post("/login", data={"name": "ann", "password": "no"}, headers=headers)
            assert (refused.status_code, refusal in refused.text) == (401, True)
        assert 'lang="ko"' in (await client.get("/login", headers=korean)).text


async def test_pages_lead_to_the_login_and_back(console: Console) -> None:
    async with console.client() as client:
        answer = await client.get("/parts/x?tab=1", headers=PAGE)
        assert answer.status_code == httpx.codes.SEE_OTHER
        form = await client.get(answer.headers["location"])
        assert 'value="/parts/x?tab=1"' in form.text
        fields = {"name": "ann", "password": PASSWORD, "next": "/parts/x?tab=1"}
        answer = await client.post("/login", data=fields)
        assert (answer.status_code, answer.headers["location"]) == (303, "/parts/x?tab=1")
        assert (await client.get("/api/v1/session")).json()["name"] == "ann"
        assert (await client.post("/logout")).status_code == httpx.codes.SEE_OTHER
        assert (await client.get("/api/v1/session")).status_code == httpx.codes.UNAUTHORIZED


@pytest.mark.parametrize("place", ["https://evil.example", "//evil.example", "/\\evil.example", "evil", "/a\r\nb: c"])
async def test_login_leads_to_no_other_site(console: Console, place: str) -> None:
    async with console.client() as client:
        fields = {"name": "ann", "password": PASSWORD, "next": place}
        assert (await client.post("/login", data=fields)).headers["location"] == "/"


async def test_form_shows_what_is_wrong_and_text_from_outside_stays_text(console: Console) -> None:
    async with console.client() as client:
        answer = await client.post("/login", data={"name": "<b>", "password": "x", "next": '/"><script>'})
        assert answer.status_code == httpx.codes.UNAUTHORIZED
        assert "name or password are wrong" in answer.text
        assert "<script>" not in answer.text
        assert "script" not in answer.headers["content-security-policy"].replace("default-src", "")
        assert (await client.post("/login", content=b"x" * 5000)).status_code == 413


async def test_login_sets_a_cookie_that_scripts_and_other_sites_do_not_get(console: Console) -> None:
    async with console.client() as client:
        answer = await log_in(client)
        cookie = answer.headers["set-cookie"]
        assert answer.status_code == httpx.codes.CREATED
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Secure" not in cookie
        assert PASSWORD not in answer.text
    async with console.client(origin="https://plant") as client:
        cookie = (await log_in(client)).headers["set-cookie"]
        assert cookie.startswith("__Host-inspector_session=")
        assert "Secure" in cookie


async def test_change_by_a_browser_needs_the_token_of_its_page(console: Console) -> None:
    async with console.client() as client:
        csrf = (await log_in(client)).json()["csrf"]
        for headers, status in (({}, 403), ({"x-csrf-token": "wrong"}, 403), ({"x-csrf-token": csrf}, 200)):
            answer = await client.put("/api/v1/lines/pcb/state", json={"state": "PAUSED"}, headers=headers)
            assert answer.status_code == status, answer.text
    assert console.actions()[-1] == ("ann", "line.state", "pcb")


@pytest.mark.parametrize(
    ("headers", "is_refused"),
    [
        ({"origin": "http://evil.example"}, True),
        ({"origin": "null"}, True),
        ({"origin": "http://plant:81"}, True),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site"}, True),
        ({"origin": "http://plant", "sec-fetch-site": "same-origin"}, False),
        ({"origin": "https://inspector.plant"}, False),
        ({}, False),
    ],
)
async def test_page_of_another_origin_changes_nothing(
    console: Console, headers: dict[str, str], is_refused: bool
) -> None:
    """Neither with a login, nor where none is asked for."""
    open_access = replace(console.access, visitor=visitor("console"), names=("inspector.plant",))
    opened = console._replace(services=replace(console.services, access=open_access))
    async with opened.client(**headers) as client:
        paused = await client.put("/api/v1/lines/pcb/state", json={"state": "PAUSED"})
        assert (paused.status_code == httpx.codes.FORBIDDEN) is is_refused, paused.text
        assert (await client.get("/api/v1/lines")).status_code == httpx.codes.OK
    assert (("console", "line.state", "pcb") in console.actions()) is not is_refused


async def test_logins_are_limited(console: Console) -> None:
    async with console.client() as client:
        answers = [await log_in(client, password="guess") for _ in range(6)]
        assert [each.status_code for each in answers] == [401] * 5 + [429]
        assert int(answers[-1].headers["retry-after"]) > 800
        assert answers[0].json()["type"] == "urn:inspector:problem:login-refused"
        assert (await log_in(client)).status_code == httpx.codes.TOO_MANY_REQUESTS


async def test_open_logins_are_listed_and_ended(console: Console) -> None:
    console.plant.users.add("bob", {"*": Role.VIEWER}, PASSWORD, "ann")
    async with console.client() as ann, console.client() as bob, console.client() as phone:
        ann.headers["x-csrf-token"] = (await log_in(ann)).json()["csrf"]
        bob.headers["x-csrf-token"] = (await log_in(bob, "bob")).json()["csrf"]
        await log_in(phone, "bob")
        own = (await bob.get("/api/v1/sessions")).json()
        assert {(each["user"], each["address"]) for each in own} == {("bob", "10.0.0.7")}
        assert (await bob.get("/api/v1/sessions?user=*")).status_code == httpx.codes.FORBIDDEN
        everybody = (await ann.get("/api/v1/sessions?user=*")).json()
        assert len(everybody) == 3
        of_ann = next(each["session_id"] for each in everybody if each["user"] == "ann")
        assert (await bob.delete(f"/api/v1/sessions/{of_ann}")).status_code == httpx.codes.FORBIDDEN
        console.plant.clock.pass_by(seconds=1)
        assert (await bob.delete("/api/v1/session")).status_code == httpx.codes.NO_CONTENT
        assert (await bob.get("/api/v1/session")).status_code == httpx.codes.UNAUTHORIZED
        [left] = (await ann.get("/api/v1/sessions?user=bob")).json()
        assert (await ann.delete(f"/api/v1/sessions/{left['session_id']}")).status_code == httpx.codes.NO_CONTENT
        assert (await phone.get("/api/v1/session")).status_code == httpx.codes.UNAUTHORIZED


async def test_own_password_is_changed_with_the_old_one(console: Console) -> None:
    async with console.client() as client:
        client.headers["x-csrf-token"] = (await log_in(client)).json()["csrf"]
        path = "/api/v1/session/password"
        wrong = await client.put(path, json={"old": "wrong", "new": "another battery"})
        assert wrong.status_code == httpx.codes.UNAUTHORIZED
        short = await client.put(path, json={"old": PASSWORD, "new": "short"})
        assert "password: it has 5 characters" in short.json()["detail"]
        done = await client.put(path, json={"old": PASSWORD, "new": "another battery"})
        assert done.status_code == httpx.codes.NO_CONTENT
        assert (await client.get("/api/v1/session")).status_code == httpx.codes.UNAUTHORIZED
        assert (await log_in(client, password="another battery")).status_code == httpx.codes.CREATED


async def test_users_are_managed_by_administrators(console: Console) -> None:
    async with console.client(console.token("admin")) as client:
        bob = {"name": "bob", "roles": {"pcb": "REVIEWER"}, "password": PASSWORD}
        added = await client.post("/api/v1/users", json=bob)
        assert added.status_code == httpx.codes.CREATED
        assert "password" not in added.json()
        path, tag = "/api/v1/users/bob", {"if-match": added.headers["etag"]}
        assert (await client.patch(path, json={"is_disabled": True})).status_code == 428
        changed = await client.patch(path, json={"roles": {"*": "VIEWER"}}, headers=tag)
        assert changed.json()["roles"] == {"*": "VIEWER"}
        assert (await client.patch(path, json={"is_disabled": True}, headers=tag)).status_code == 412
        disabled = await client.patch(path, json={"is_disabled": True}, headers={"if-match": changed.headers["etag"]})
        assert disabled.json()["disabled_at"] is not None
        assert (await client.put(f"{path}/password", json={"password": "another battery"})).status_code == 204
        assert [each["name"] for each in (await client.get("/api/v1/users")).json()] == ["ann", "bob"]
        last = await client.patch(
            "/api/v1/users/ann",
            json={"is_disabled": True},
            headers={"if-match": (await client.get("/api/v1/users/ann")).headers["etag"]},
        )
        assert last.status_code == httpx.codes.CONFLICT
    made = [action for actor, action, _ in console.actions() if actor == "token:mes"]
    assert made == ["user.add", "user.roles", "user.disable", "user.reset"]


async def test_change_of_a_user_that_is_refused_stores_none_of_its_parts(console: Console) -> None:
    path = "/api/v1/users/ann"
    async with console.client(console.token("admin")) as client:
        before = await client.get(path)
        tag, asked = {"if-match": before.headers["etag"]}, {"roles": {"*": "ADMIN", "pcb": "VIEWER"}}
        refused = await client.patch(path, json=asked | {"is_disabled": True}, headers=tag)
        assert refused.status_code == httpx.codes.CONFLICT
        assert (await client.get(path)).json() == before.json()
        assert not [action for actor, action, _ in console.actions() if actor == "token:mes"]
        changed = await client.patch(path, json=asked | {"is_disabled": False}, headers=tag)
        assert changed.json()["roles"] == asked["roles"]
    assert [action for actor, action, _ in console.actions() if actor == "token:mes"] == ["user.roles", "user.enable"]


async def test_tokens_are_made_by_people_and_bounded_by_them(console: Console) -> None:
    console.plant.users.add("bob", parse_roles(["viewer", "engineer@pcb"]), PASSWORD, "ann")
    async with console.client() as client:
        client.headers["x-csrf-token"] = (await log_in(client, "bob")).json()["csrf"]
        too_much = await client.post("/api/v1/tokens", json={"name": "robot", "roles": {"*": "ENGINEER"}})
        assert too_much.status_code == httpx.codes.FORBIDDEN
        made = await client.post("/api/v1/tokens", json={"name": "robot", "roles": {"pcb": "ENGINEER"}, "days": 7})
        assert made.json()["owner"] == "bob"
        listed = (await client.get("/api/v1/tokens")).json()
        assert [each["name"] for each in listed] == ["robot"]
        assert "secret" not in listed[0]
        async with console.client(made.json()["secret"]) as robot:
            paused = await robot.put("/api/v1/lines/pcb/state", json={"state": "PAUSED"})
            assert paused.status_code == httpx.codes.OK
            another = await robot.post("/api/v1/tokens", json={"name": "child", "roles": {"pcb": "VIEWER"}})
            assert another.status_code == httpx.codes.UNPROCESSABLE_ENTITY
            revoked = await client.delete(f"/api/v1/tokens/{made.json()['token_id']}")
            assert revoked.status_code == httpx.codes.NO_CONTENT
            assert (await robot.get("/api/v1/lines")).status_code == httpx.codes.UNAUTHORIZED
    assert ("token:robot", "line.state", "pcb") in console.actions()


async def test_audit_is_listed_by_page_and_line(console: Console) -> None:
    token = console.token("engineer@pcb", "viewer")
    async with console.client(token) as client:
        await client.put("/api/v1/lines/pcb/state", json={"state": "PAUSED", "reason": "cleaning"})
        listed = (await client.get("/api/v1/audit?line=pcb&limit=1")).json()
        assert listed["entries"][0]["detail"]["reason"] == "cleaning"
        assert listed["entries"][0]["actor"] == "token:mes"
        older = (await client.get(f"/api/v1/audit?line=pcb&before={listed['next_before']}")).json()
        assert [each["action"] for each in older["entries"]] == ["version.add"]
        everything = (await client.get("/api/v1/audit")).json()
        assert {each["line"] for each in everything["entries"]} == {"pcb"}
        assert (await client.get("/api/v1/audit?line=cap")).status_code == httpx.codes.FORBIDDEN
    assert console.access.audit.entries(AuditFilter(line="pcb"), 1)[0].entry.actor == "token:mes"


@pytest.mark.parametrize(
    ("token", "metrics", "api"), [(METRICS_TOKEN, 200, 401), ("", 401, 401), ("insp_wrong", 401, 401)]
)
async def test_metrics_have_a_token_that_reads_nothing_else(
    console: Console, token: str, metrics: int, api: int
) -> None:
    async with console.client(token) as client:
        assert (await client.get("/metrics")).status_code == metrics
        assert (await client.get("/api/v1/lines")).status_code == api


async def test_ended_login_ends_its_open_stream(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_login, "CHECK_AGAIN_S", 0.05)
    async with console.client() as client:
        session_id = (await log_in(client)).json()["session_id"]
        cookie = client.headers.get("cookie", "") or f"inspector_session={client.cookies['inspector_session']}"
    messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    streaming = asyncio.create_task(stream(rest_app(console.services), cookie, messages))
    while b"heartbeat" not in (await messages.get()).get("body", b""):
        pass
    console.plant.clock.pass_by(seconds=1)
    console.plant.sessions.end(session_id, "ann")
    await asyncio.wait_for(streaming, 30)
    while not messages.empty():
        last = messages.get_nowait()
    assert last == {"type": "http.response.body", "body": b"", "more_body": False}


async def stream(app: Any, cookie: str, messages: asyncio.Queue[dict[str, Any]]) -> None:
    """Ask for the live stream as a browser does that never closes it."""
    asked = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if asked.is_set():
            await asyncio.Event().wait()
        asked.set()
        return {"type": "http.request", "body": b"", "more_body": False}

    headers = [(b"host", b"plant"), (b"cookie", cookie.encode())]
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": "/api/v1/stream", "raw_path": b"/api/v1/stream", "query_string": b"",
        "root_path": "", "headers": headers, "client": ("10.0.0.7", 1), "server": ("plant", 80),
    }  # fmt: skip
    await app(scope, receive, messages.put)


async def log_in(client: httpx.AsyncClient, name: str = "ann", password: str = PASSWORD) -> httpx.Response:
    return await client.post("/api/v1/session", json={"name": name, "password": password})


async def test_a_body_without_a_length_is_counted_while_it_comes(console: Console) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(40):
            sent += len(MIB_OF_SPACES)
            yield MIB_OF_SPACES

    async with console.client(console.token("engineer")) as client:
        answer = await client.post(
            "/api/v1/reviews:bulk", content=chunks(), headers={"content-type": "application/json"}
        )
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:inspector:problem:too-large")
    assert sent <= MAX_BYTES + 2 * len(MIB_OF_SPACES)


async def test_nobody_is_looked_up_for_a_body_that_is_too_large(console: Console) -> None:
    async with console.client() as client:
        large = await client.post("/api/v1/session", content=b"x" * (MAX_OPEN_BYTES + 1))
        unknown = await client.post("/api/v1/reviews:bulk", content=b"x" * (MAX_BYTES + 1))
    assert (large.status_code, unknown.status_code) == (413, 413)


@pytest.fixture
def sampled(console: Console, tmp_path: Path) -> tuple[Console, str]:
    """A console that creates lines. The line cap has a golden sample, whose sha256 is returned."""
    url, evidence = console.plant.url, FileEvidence(tmp_path / "evidence")
    sha256 = evidence.put(b"a picture", "image/jpeg").sha256
    store_versions(url, [DeclaredVersion(a_pipeline("cap", golden_samples=["a.jpg"]), (sha256,), parent=1)])
    new_lines = NewLines(console.services.lines, partial(store_versions, url), CameraPictureReader(()), evidence)
    return console._replace(services=replace(console.services, new_lines=new_lines)), sha256


async def test_line_like_another_one_needs_the_right_to_view_that(sampled: tuple[Console, str]) -> None:
    console, sha256 = sampled
    asked = {"line": "own", "like": "cap"}
    for like in ("cap", "nowhere"):
        async with console.client(console.token("engineer@own")) as client:
            refused = await client.post("/api/v1/lines", json=asked | {"like": like})
        assert refused.status_code == httpx.codes.FORBIDDEN
        assert f"is not viewer on line {like}" in refused.json()["detail"]
    async with console.client(console.token("engineer@own", "viewer@cap")) as client:
        assert (await client.post("/api/v1/lines", json=asked)).status_code == httpx.codes.CREATED
        assert (await client.get("/api/v1/lines/own")).json()["live"]["golden"] == [sha256]


async def test_test_shot_shows_no_golden_sample_of_a_line_that_one_may_not_view(sampled: tuple[Console, str]) -> None:
    console, sha256 = sampled
    declaration = a_pipeline("pcb", golden_samples=["a.jpg"], references=1).model_dump(mode="json")
    asked, path = {"declaration": declaration, "golden": [sha256]}, "/api/v1/cameras/pcb/cam1/test-shots"
    async with console.client(console.token("engineer@pcb")) as client:
        refused = await client.post(path, json=asked)
        unknown = await client.post(path, json=asked | {"golden": ["0" * 64]})
    assert (refused.status_code, unknown.status_code) == (404, 404)
    assert refused.json()["detail"].startswith(f"golden: no line that you may view has the golden sample {sha256[:16]}")
    assert refused.json()["detail"].replace(sha256[:16], "0" * 16) == unknown.json()["detail"]
    async with console.client(console.token("engineer@pcb", "viewer@cap")) as client:
        assert "no picture of pcb/cam1 is stored" in (await client.post(path, json=asked)).json()["detail"]
