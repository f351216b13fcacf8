"""Who sends a request, and whether they may do what it asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import Depends, Request

from inspector.adapters.console.api.problems import Problem, ProblemType
from inspector.domain.person import EVERY_LINE, Person, Role

CONSOLE_PERSON: Final = Person("console", {EVERY_LINE: Role.ADMIN})
"""Everybody, where no login is asked for: on loopback only."""


def anyone(request: Request) -> Person:
    """Identify everybody as the console's own person."""
    del request
    return CONSOLE_PERSON


def person(request: Request) -> Person:
    """Return who sends this request. Raises Problem (401) where nobody is logged in."""
    identify: Callable[[Request], Person] = request.app.state.identify
    return identify(request)


def needs(role: Role) -> Any:
    """Return a dependency: the person, who has this role on the path's `line`; without one, on some line."""

    def allowed(request: Request, who: Annotated[Person, Depends(person)]) -> Person:
        line = request.path_params.get("line")
        if not (who.may(role, line) if line else who.may_anywhere(role)):
            where = f" on line {line}" if line else ""
            raise Problem(
                ProblemType.ROLE_REQUIRED,
                f"{who.name} is not {role.name.lower()}{where}; ask an administrator for that role",
            )
        return who

    return Depends(allowed)


def require_on_line(who: Person, role: Role, line: str) -> None:
    """Raise Problem (403) unless this person has the role on a line that the path does not name."""
    if not who.may(role, line):
        raise Problem(
            ProblemType.ROLE_REQUIRED,
            f"{who.name} is not {role.name.lower()} on line {line}; ask an administrator for that role",
        )


Viewer = Annotated[Person, needs(Role.VIEWER)]
Reviewer = Annotated[Person, needs(Role.REVIEWER)]
Engineer = Annotated[Person, needs(Role.ENGINEER)]
Admin = Annotated[Person, needs(Role.ADMIN)]
