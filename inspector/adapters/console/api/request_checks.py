"""Requests that no page answers: for another host, with another method, or for an address that the API has not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from inspector.adapters.console.api.problems import ProblemType, problem_details, problem_response

LOOPBACK_HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")
POLICY_VIOLATION: Final = 1008  # close code of a websocket


class AllowedHosts:
    """ASGI middleware: answers requests for its own names only, so that no web page can rebind its name to this one."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = {host.lower() for host in (*LOOPBACK_HOSTS, *hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        host = host_name(HTTPConnection(scope).headers.get("host", ""))
        if host in self._hosts:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:
            detail = f"{host or 'no host'} is none of this console's names; add it to INSPECTOR_CONSOLE_NAMES"
            await problem_response(problem_details(ProblemType.WRONG_HOST, detail))(scope, receive, send)


def host_name(header: str) -> str:
    """Return the name in a Host header without its port, in lower case."""
    name, separator, port = header.strip().lower().rpartition(":")
    return name if separator and port.isdigit() else header.strip().lower()


class UnservedRequests:
    """ASGI endpoint behind all routes of the API: 405 with the methods that an address takes, else 404.

    `routes` are those below `prefix`.
    """

    def __init__(self, routes: Sequence[BaseRoute], prefix: str) -> None:
        self._routes = routes
        self._prefix = prefix

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        path = scope["path"]
        below = {**scope, "path": path.removeprefix(self._prefix)}
        methods = sorted({method for route in self._routes if _has_path(route, below) for method in _methods(route)})
        if methods:
            detail = f"{scope['method']} is not served on {path}; use {', '.join(methods)}"
            raise HTTPException(405, detail, {"Allow": ", ".join(methods)})
        raise HTTPException(404, f"{path} is not part of the API; see {self._prefix}/openapi.json")


def _has_path(route: BaseRoute, scope: Scope) -> bool:
    return isinstance(route, Route) and bool(route.methods) and route.matches(scope)[0] is Match.PARTIAL


def _methods(route: BaseRoute) -> set[str]:
    return set(route.methods or ()) if isinstance(route, Route) else set()
