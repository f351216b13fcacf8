"""Lets requests pass whose sender is known, and closes everything else: pages, API, pictures, metrics and sockets.

A new route is closed without doing anything for it. Roles are checked where routes are declared (`person.py`).
"""

from __future__ import annotations

import asyncio
import hmac
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inspector.access.login_secret import csrf_token, stored_form
from inspector.adapters.console.access import AccessServices
from inspector.adapters.console.api.models import PREFIX
from inspector.adapters.console.api.problems import Problem, ProblemType, error_response, problem_response
from inspector.adapters.console.api.request_checks import POLICY_VIOLATION, host_name
from inspector.adapters.console.login_page import (
    COMMAND,
    LOGIN_PATH,
    LOGOUT_PATH,
    RETURN_PATH,
    SIGN_ON_PATH,
    STYLE_PATH,
    LoginVisit,
    no_users_page,
)
from inspector.domain.person import EVERY_LINE, Person, Role
from inspector.errors import InspectorError
from inspector.ports.access import Session

SESSION_PATH: Final = f"{PREFIX}/session"
METRICS_PATH: Final = "/metrics"
OPEN_PATHS: Final = frozenset({"/health/live", "/health/ready", LOGIN_PATH, STYLE_PATH, SIGN_ON_PATH, RETURN_PATH})
FORM_PATHS: Final = frozenset({LOGIN_PATH, LOGOUT_PATH})  # forms send no headers; their origin is checked
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER: Final = "X-CSRF-Token"
SESSION_COOKIE: Final = "inspector_session"
SECURE_COOKIE: Final = f"__Host-{SESSION_COOKIE}"  # browsers refuse it without TLS, and from a sibling's name
COOKIES: Final = (SECURE_COOKIE, SESSION_COOKIE)
CHECK_AGAIN_S: Final = 15.0  # an open stream of somebody whose session was ended closes within this time
METRICS_PERSON: Final = Person("metrics", {EVERY_LINE: Role.VIEWER})
NO_USERS: Final = f"nobody can log in yet; run on the machine of the service: {COMMAND}"


class Caller(NamedTuple):
    """Who sends a request, and the session of a browser. `csrf` is what a page must send with each change."""

    person: Person
    session: Session | None = None
    csrf: str = ""


class RequestLogin:
    """ASGI middleware: answers known senders, and keeps other web pages from using a browser's login."""

    def __init__(self, app: ASGIApp, access: AccessServices) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        try:
            require_own_page(request, self._access.names)
            caller = None if is_open(scope["path"], scope.get("method", "")) else await self._caller(request)
        except (Problem, InspectorError) as error:
            await self._refuse(request, error, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        if caller is None or caller.session is None:
            await self._app(scope, receive, send)
        else:
            await self._answer_while_logged_in(request, receive, send)

    async def _caller(self, request: HTTPConnection) -> Caller:
        """Return who sends this. Raises Problem (401, 403) and LedgerError."""
        caller = await asyncio.to_thread(identify, request, self._access)
        if caller is None:
            exist = self._access.sign_on is not None or await asyncio.to_thread(self._access.users.exist)
            detail = "log in, or send a token: Authorization: Bearer TOKEN" if exist else NO_USERS
            raise Problem(ProblemType.LOGIN_REQUIRED, detail, headers={"WWW-Authenticate": 'Bearer realm="inspector"'})
        if caller.csrf and _changes(request):
            _require_csrf(request, caller)
        return caller

    async def _refuse(
        self, request: HTTPConnection, error: Problem | InspectorError, receive: Receive, send: Send
    ) -> None:
        if request.scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:
            await _refusal(request, error)(request.scope, receive, send)

    async def _answer_while_logged_in(self, request: HTTPConnection, receive: Receive, send: Send) -> None:
        """Answer, and end a stream once its session has ended."""
        watch = _SessionWatch(request, self._access, receive)
        await self._app(request.scope, watch.receive, send)
        if watch.has_ended and request.scope["type"] == "http":
            await send({"type": "http.response.body", "body": b"", "more_body": False})


class _SessionWatch:
    """Tells a running answer that its browser has gone once the session has ended."""

    def __init__(self, request: HTTPConnection, access: AccessServices, receive: Receive) -> None:
        self._request = request
        self._access = access
        self._receive = receive
        self.has_ended = False

    async def receive(self) -> Message:
        waiting = asyncio.ensure_future(self._receive())
        while not (await asyncio.wait({waiting}, timeout=CHECK_AGAIN_S))[0]:
            if not await self._is_open():
                waiting.cancel()
                self.has_ended = True
                return {"type": f"{self._request.scope['type']}.disconnect", "code": POLICY_VIOLATION}
        return waiting.result()

    async def _is_open(self) -> bool:
        try:
            return await asyncio.to_thread(identify, self._request, self._access) is not None
        except InspectorError:
            return True  # the ledger is away: the stream itself says so


def identify(request: HTTPConnection, access: AccessServices) -> Caller | None:
    """Return who sends this: by token, by session, or everybody where no login is asked for. Raises LedgerError."""
    if secret := _bearer(request):
        person = _of_token(request, secret, access)
        return Caller(person) if person else None
    secret = next((request.cookies[name] for name in COOKIES if name in request.cookies), "")
    if secret and (used := access.sessions.identify(secret)):
        return Caller(used.person, used.session, csrf_token(secret))
    return Caller(access.visitor) if access.visitor else None


def require_own_page(request: HTTPConnection, names: tuple[str, ...]) -> None:
    """Raise Problem for a change, or a socket, that a page of another origin asks for. Programs send no origin."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "none")
    is_own = origin is None or _is_own(origin, request, names)
    if _changes(request) and not (is_own and site in ("none", "same-origin")):
        shown = origin or "another site"
        raise Problem(
            ProblemType.FOREIGN_PAGE,
            f"a page of {shown} asked for this; use the console's own pages. Behind a proxy, keep the Host header or "
            "add the proxy's name to INSPECTOR_CONSOLE_NAMES",
        )


def _is_own(origin: str, request: HTTPConnection, names: tuple[str, ...]) -> bool:
    place = urlsplit(origin).netloc.lower()
    return place != "" and (place == request.headers.get("host", "").lower() or host_name(place) in names)


def _changes(request: HTTPConnection) -> bool:
    return request.scope["type"] == "websocket" or request.scope["method"] not in SAFE_METHODS


def is_open(path: str, method: str) -> bool:
    """Return whether everybody may send this."""
    return path in OPEN_PATHS or (path == SESSION_PATH and method == "POST")


def _bearer(request: HTTPConnection) -> str:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _of_token(request: HTTPConnection, secret: str, access: AccessServices) -> Person | None:
    is_metrics = access.metrics_token and hmac.compare_digest(stored_form(secret), access.metrics_token)
    if is_metrics:
        return METRICS_PERSON if request.scope["path"] == METRICS_PATH else None
    return access.tokens.identify(secret)


def _require_csrf(request: HTTPConnection, caller: Caller) -> None:
    """Raise Problem for a change without the session's own text. Sockets send no headers; their origin is checked."""
    if request.scope["type"] == "websocket" or request.scope["path"] in FORM_PATHS:
        return
    sent = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(sent.encode(), caller.csrf.encode()):
        raise Problem.of_field(
            ProblemType.FOREIGN_PAGE, CSRF_HEADER, "it is missing or wrong", f"send `csrf` of GET {SESSION_PATH}"
        )


def _refusal(request: HTTPConnection, error: Problem | InspectorError) -> Response:
    if isinstance(error, InspectorError):
        return error_response(error)
    if error.kind is not ProblemType.LOGIN_REQUIRED or not _wants_page(request):
        return problem_response(error.details, error.headers)
    if error.details.detail == NO_USERS:
        return no_users_page(LoginVisit.of(request))
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{LOGIN_PATH}?next={quote(path, safe='')}", 303)


def _wants_page(request: HTTPConnection) -> bool:
    is_page = not request.scope["path"].startswith((PREFIX, METRICS_PATH))
    return is_page and request.scope["method"] == "GET" and "text/html" in request.headers.get("accept", "")
