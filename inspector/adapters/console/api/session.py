"""Logging in and out, and the open logins."""

from __future__ import annotations

from asyncio import to_thread
from typing import Annotated, Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import AwareDatetime, Field, SecretStr

from inspector.access.login_secret import csrf_token
from inspector.access.passwords import MAX_CHARACTERS
from inspector.access.sessions import Client, LoginRefused, NewSession, TooManyLogins
from inspector.adapters.console.api.models import ApiModel, ApiRequest
from inspector.adapters.console.api.person import Anybody, Sender
from inspector.adapters.console.api.problems import Problem, ProblemType, problem_responses
from inspector.adapters.console.api.request_login import COOKIES, SECURE_COOKIE, SESSION_COOKIE, Caller
from inspector.adapters.console.login_page import (
    LOGIN_PATH,
    LOGOUT_PATH,
    STYLE,
    STYLE_PATH,
    LoginVisit,
    login_form,
    own_path,
)
from inspector.adapters.console.services import Services
from inspector.domain.person import Role
from inspector.ports.access import Session

MAX_FORM_BYTES: Final = 4096
MAX_NAME: Final = 64
LOGIN_RESPONSES: Final = problem_responses(ProblemType.LOGIN_REFUSED, ProblemType.TOO_MANY_REQUESTS)

router = APIRouter(tags=["people"])
pages = APIRouter(include_in_schema=False)
"""The form of browsers without the console's scripts."""


class LoginRequest(ApiRequest):
    name: Annotated[str, Field(max_length=MAX_NAME)]
    password: Annotated[SecretStr, Field(max_length=MAX_CHARACTERS)]


class PasswordRequest(ApiRequest):
    old: Annotated[SecretStr, Field(max_length=MAX_CHARACTERS)]
    new: Annotated[SecretStr, Field(max_length=MAX_CHARACTERS)]


class SessionAnswer(ApiModel):
    """Who is logged in. `csrf` goes into the header X-CSRF-Token of each change; it is empty for tokens."""

    name: str
    roles: dict[str, str] = Field(description="by line; * is every line")
    csrf: str
    session_id: str | None
    ends_at: AwareDatetime | None


class OpenSessionAnswer(ApiModel):
    session_id: str
    user: str
    address: str
    program: str = Field(description="the browser, as it names itself")
    created_at: AwareDatetime
    seen_at: AwareDatetime = Field(description="last use, within some minutes")
    ends_at: AwareDatetime


@router.post("/session", status_code=201, responses=LOGIN_RESPONSES)
def log_in(services: Services, request: Request, asked: LoginRequest, response: Response) -> SessionAnswer:
    """Log in. The answer sets a cookie that scripts can't read and other sites don't send."""
    opened = _log_in(services, request, asked.name, asked.password.get_secret_value())
    set_session_cookie(request, response, opened)
    return _answer(Caller(opened.person, opened.session, csrf_token(opened.secret)))


@router.get("/session")
def read_session(caller: Sender) -> SessionAnswer:
    """Return who sends this request, with a token or a login."""
    return _answer(caller)


@router.delete("/session", status_code=204)
def log_out(services: Services, caller: Sender, response: Response) -> None:
    """End the login of this browser."""
    if caller.session:
        services.access.sessions.end(caller.session.session_id, caller.person.name)
    _forget_cookies(response)


@router.put("/session/password", status_code=204, responses=LOGIN_RESPONSES | problem_responses(ProblemType.REFUSED))
def change_password(services: Services, caller: Sender, request: Request, asked: PasswordRequest) -> None:
    """Change one's own password. All logins of the user end, this one included."""
    name = _user_of(caller)
    _log_in(services, request, name, asked.old.get_secret_value())
    services.access.users.reset(name, asked.new.get_secret_value(), name)


@router.get("/sessions")
def list_sessions(
    services: Services,
    who: Anybody,
    user: Annotated[str | None, Query(max_length=MAX_NAME, description="default: your own; * is everybody")] = None,
) -> tuple[OpenSessionAnswer, ...]:
    """List open logins, newest first. Those of others need the role admin."""
    wanted = who.name if user is None else user
    if wanted != who.name:
        _require_administrator(who.may(Role.ADMIN), "logins of others")
    sessions = services.access.sessions.all(None if wanted == "*" else wanted)
    return tuple(OpenSessionAnswer(**each._asdict()) for each in sessions)


@router.delete("/sessions/{session_id}", status_code=204)
def end_session(services: Services, who: Anybody, session_id: str) -> None:
    """End a login at once: one's own, or as an administrator anybody's."""
    is_own = any(each.session_id == session_id for each in services.access.sessions.all(who.name))
    _require_administrator(is_own or who.may(Role.ADMIN), "the login of somebody else")
    services.access.sessions.end(session_id, who.name)


@pages.get(LOGIN_PATH)
def read_login(services: Services, request: Request, next: str = "/") -> Response:
    logs_out = any(name in request.cookies for name in COOKIES)
    signs_on = services.access.sign_on is not None
    return login_form(LoginVisit.of(request), next, logs_out=logs_out, signs_on=signs_on)


@pages.post(LOGOUT_PATH)
def log_out_by_form(services: Services, caller: Sender) -> Response:
    response = RedirectResponse(LOGIN_PATH, 303)
    log_out(services, caller, response)
    return response


@pages.get(STYLE_PATH)
def read_login_style() -> Response:
    return Response(STYLE, media_type="text/css")


@pages.post(LOGIN_PATH)
async def log_in_by_form(services: Services, request: Request) -> Response:
    """Log in as a form asks for, and show the page that was wanted."""
    form = await _form(request)
    wanted = own_path(form.get("next", "/"))
    try:
        opened = await to_thread(_log_in, services, request, form.get("name", ""), form.get("password", ""))
    except Problem as problem:
        details, signs_on = problem.details, services.access.sign_on is not None
        return login_form(LoginVisit.of(request), wanted, details.detail, details.status, signs_on=signs_on)
    response = RedirectResponse(wanted, 303)
    set_session_cookie(request, response, opened)
    return response


async def _form(request: Request) -> dict[str, str]:
    """Read the fields of a short form. Each counts once."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise Problem(ProblemType.TOO_LARGE, f"the form is larger than {MAX_FORM_BYTES} bytes")
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=8)
    return {name: values[0] for name, values in fields.items()}


def _log_in(services: Services, request: Request, name: str, password: str) -> NewSession:
    try:
        return services.access.sessions.log_in(name, password, client_of(request))
    except LoginRefused as error:
        raise Problem(ProblemType.LOGIN_REFUSED, str(error)) from error
    except TooManyLogins as error:
        wait = {"Retry-After": f"{error.wait_s + 1:.0f}"}
        raise Problem(ProblemType.TOO_MANY_REQUESTS, str(error), headers=wait) from error


def client_of(request: Request) -> Client:
    return Client(request.client.host if request.client else "", request.headers.get("user-agent", ""))


def is_encrypted(request: Request) -> bool:
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")


def set_session_cookie(request: Request, response: Response, opened: NewSession) -> None:
    """Give the browser its session: scripts can't read it, and other sites don't send it."""
    is_secure = is_encrypted(request)
    response.set_cookie(
        SECURE_COOKIE if is_secure else SESSION_COOKIE,
        opened.secret,
        max_age=int(
            (opened.session.ends_at - opened.session.created_at).total_seconds()
        ),  # whatever the tablet's clock
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="strict",
    )
    response.headers["Cache-Control"] = "no-store"


def _forget_cookies(response: Response) -> None:
    for name in COOKIES:
        response.delete_cookie(name, path="/", secure=name == SECURE_COOKIE, httponly=True, samesite="strict")


def _answer(caller: Caller) -> SessionAnswer:
    session: Session | None = caller.session
    return SessionAnswer(
        name=caller.person.name,
        roles={line: role.name for line, role in sorted(caller.person.roles.items())},
        csrf=caller.csrf,
        session_id=session and session.session_id,
        ends_at=session and session.ends_at,
    )


def _user_of(caller: Caller) -> str:
    if caller.session is None:
        raise Problem(ProblemType.REFUSED, "only somebody who logged in with a password can change it")
    return caller.session.user


def _require_administrator(is_allowed: bool, what: str) -> None:
    if not is_allowed:
        raise Problem(ProblemType.ROLE_REQUIRED, f"{what} need the role admin; ask an administrator")
