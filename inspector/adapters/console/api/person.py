"""Who sends a request, and whether they may do what it asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute

from inspector.adapters.console.api.problems import Problem, ProblemType
from inspector.adapters.console.api.request_login import Caller
from inspector.adapters.console.services import Services
from inspector.domain.person import Person, Role

REQUIRED_ROLE: Final = "required_role"  # attribute of the dependencies that `needs` makes
SHOWS_OWN: Final = "shows_own_lines"  # attribute of handlers
READ: Final = "GET"
Handler = TypeVar("Handler", bound=Callable[..., Any])


def caller_of(request: Request) -> Caller:
    """Return who sends this request."""
    caller: Caller | None = request.scope["state"]["caller"]
    if caller is None:
        raise Problem(ProblemType.LOGIN_REQUIRED, "log in first")
    return caller


Sender = Annotated[Caller, Depends(caller_of)]


def person(caller: Sender) -> Person:
    """Return the person who sends this request."""
    return caller.person


Anybody = Annotated[Person, Depends(person)]
"""A person who is logged in. The handler checks what they may do."""


def needs(role: Role) -> Any:
    """Return a dependency: the person, who has this role on the line that the request concerns.

    That is the path's `line`, the line of the path's part, or the `line` that a query filters by. Reading without any
    of them reads all lines and needs the role on every line. A change without any of them needs the role on some
    line: the handler knows the line, and calls `require_on_line`.
    """

    def allowed(request: Request, services: Services, who: Anybody) -> Person:
        line = _line_of(request, services, who, role)
        is_bound = line or (request.method == READ and not getattr(request.scope["endpoint"], SHOWS_OWN, False))
        is_allowed = who.may(role, line) if is_bound else who.may_anywhere(role)
        if not is_allowed:
            raise Problem(ProblemType.ROLE_REQUIRED, _refusal(request, who, role, line))
        return who

    setattr(allowed, REQUIRED_ROLE, role)
    return Depends(allowed)


def shows_own_lines(handler: Handler) -> Handler:
    """Mark a handler that reads without a line, and answers with the lines of its person only."""
    setattr(handler, SHOWS_OWN, True)
    return handler


def require_on_line(who: Person, role: Role, line: str) -> None:
    """Raise Problem (403) unless this person has the role on a line that the path does not name."""
    if not who.may(role, line):
        raise Problem(
            ProblemType.ROLE_REQUIRED,
            f"{who.name} is not {role.name.lower()} on line {line}; ask an administrator for that role",
        )


def _line_of(request: Request, services: Services, who: Person, role: Role) -> str | None:
    if line := request.path_params.get("line"):
        return str(line)
    if who.may(role):
        return None
    if (result_id := request.path_params.get("result_id")) is not None:
        return services.catalogue.line_of(result_id)
    route = request.scope["route"]
    return request.query_params.get("line") if filters_by_line(route) else None


def filters_by_line(route: APIRoute) -> bool:
    """Return whether a route declares the query parameter `line`."""
    return any(field.alias == "line" for field in get_flat_params(route.dependant))


def _refusal(request: Request, who: Person, role: Role, line: str | None) -> str:
    lines = sorted(line for line in who.roles if who.may(role, line))
    if line or not lines:
        where = f" on line {line}" if line else ""
        return f"{who.name} is not {role.name.lower()}{where}; ask an administrator for that role"
    if filters_by_line(request.scope["route"]):
        return f"{who.name} is {role.name.lower()} of {', '.join(lines)}; name one of these lines: ?line={lines[0]}"
    return f"this concerns all lines, and {who.name} is {role.name.lower()} of {', '.join(lines)} only"


Viewer = Annotated[Person, needs(Role.VIEWER)]
Reviewer = Annotated[Person, needs(Role.REVIEWER)]
Engineer = Annotated[Person, needs(Role.ENGINEER)]
Admin = Annotated[Person, needs(Role.ADMIN)]
