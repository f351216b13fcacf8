"""People and programs that use the API, and what they may do. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final, NamedTuple

EVERY_LINE: Final = "*"


class Role(IntEnum):
    """What a person may do on a line; each role may do what the smaller ones may.

    A VIEWER reads, a REVIEWER says what parts are, an ENGINEER changes lines and cameras, an ADMIN manages people.
    """

    VIEWER = 1
    REVIEWER = 2
    ENGINEER = 3
    ADMIN = 4


def role_names(roles: Mapping[str, Role]) -> dict[str, str]:
    """Return the names of roles by line, sorted by line."""
    return {line: role.name for line, role in sorted(roles.items())}


class Person(NamedTuple):
    """Somebody known. `name` is stored with what they do; `roles` are by line, `*` for every line."""

    name: str
    roles: Mapping[str, Role] = MappingProxyType({})

    def may(self, role: Role, line: str | None = None) -> bool:
        """Return whether this person has at least this role on the line; None asks for every line."""
        return self._role(line) >= role

    def may_anywhere(self, role: Role) -> bool:
        """Return whether this person has at least this role on some line."""
        return any(each >= role for each in self.roles.values())

    def lines_as(self, role: Role) -> tuple[str, ...] | None:
        """Return the lines on which this person has at least this role; None for every line."""
        return None if self.may(role) else tuple(sorted(line for line in self.roles if self.may(role, line)))

    def _role(self, line: str | None) -> int:
        everywhere: int = self.roles.get(EVERY_LINE, 0)
        return everywhere if line is None else max(everywhere, self.roles.get(line, 0))
