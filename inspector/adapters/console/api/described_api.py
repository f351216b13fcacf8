"""The API's own description: which role each operation needs, and how to log in."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from inspector.adapters.console.api.person import REQUIRED_ROLE
from inspector.adapters.console.api.request_login import CSRF_HEADER, SESSION_COOKIE, is_open
from inspector.domain.person import Role

ROLE_FIELD: Final = "x-required-role"
SCHEMES: Final = {
    "token": {"type": "http", "scheme": "bearer", "description": "a token of inspector token create"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": f"the cookie of POST /session; changes also need the header {CSRF_HEADER}",
    },
}


class DescribedApi(FastAPI):
    """An API whose OpenAPI document names, for each operation, the role that it needs."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._described: list[DescribedRouter] = []

    def describe(self, router: APIRouter, prefix: str = "", role: Role | None = None) -> None:
        """Name the roles of a router's operations. `role` is what all of them need."""
        self._described.append(DescribedRouter(router, prefix, role))

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            document["components"]["securitySchemes"] = SCHEMES
            for each in self._described:
                each.add_to(document["paths"])
        return self.openapi_schema or {}


class DescribedRouter(NamedTuple):
    """A router, where it is included, and the role that all its operations need."""

    router: APIRouter
    prefix: str
    role: Role | None

    def add_to(self, paths: dict[str, Any]) -> None:
        for route in self.router.routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                for method in route.methods or ():
                    operation = paths[self.prefix + route.path_format][method.lower()]
                    operation |= _access(self.prefix, route, method, self.role)


def _access(prefix: str, route: APIRoute, method: str, role: Role | None) -> dict[str, Any]:
    if is_open(prefix + route.path, method):
        return {"security": []}
    needed = max(role or 0, *_roles(route.dependant))
    named = {ROLE_FIELD: Role(needed).name.lower()} if needed else {}
    return {"security": [{name: []} for name in SCHEMES]} | named


def _roles(dependant: Dependant) -> list[int]:
    own = getattr(dependant.call, REQUIRED_ROLE, 0)
    return [own, *(role for each in dependant.dependencies for role in _roles(each))]
