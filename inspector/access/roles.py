"""Roles as people write them: `engineer` on every line, `reviewer@washer` on one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from inspector.domain.person import EVERY_LINE, Role
from inspector.errors import InspectorError

MAX_LINES: Final = 256  # that one person has a role on
LINE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
ROLE_NAMES: Final = ", ".join(role.name.lower() for role in Role)


def parse_roles(texts: Iterable[str]) -> dict[str, Role]:
    """Return the roles by line. Raises InspectorError for a text that names none, and where there is none."""
    roles: dict[str, Role] = {}
    for text in texts:
        name, separator, line = text.partition("@")
        roles[line if separator else EVERY_LINE] = _role(name, text)
    return require_roles(roles)


def parse_group_roles(texts: Iterable[str]) -> dict[str, dict[str, Role]]:
    """Read `GROUP=ROLE` and `GROUP=ROLE@LINE`. A group may stand several times. Raises InspectorError."""
    by_group: dict[str, list[str]] = {}
    for text in texts:
        group, _, role = text.rpartition("=")  # names of groups may hold one, such as CN=engineers
        if not group.strip():
            raise InspectorError(f"{text!r} names no group; write GROUP=ROLE, or GROUP=ROLE@LINE for a single line")
        by_group.setdefault(group.strip(), []).append(role.strip())
    return {group: parse_roles(roles) for group, roles in by_group.items()}


def require_roles(roles: Mapping[str, Role]) -> dict[str, Role]:
    """Return the roles. Raises InspectorError for none, for too many, and for a line that can't exist."""
    if not roles:
        raise InspectorError(f"role: none is given; name one of {ROLE_NAMES}, with @LINE for a single line")
    if len(roles) > MAX_LINES:
        raise InspectorError(f"roles: {len(roles)} lines are named; name at most {MAX_LINES}, or give one role on *")
    for line, role in roles.items():
        if line != EVERY_LINE and not LINE_NAME.fullmatch(line):
            raise InspectorError(f"roles: {line!r} is no name of a line; use letters, digits, . _ and -, or *")
        if line != EVERY_LINE and role is Role.ADMIN:
            raise InspectorError(f"roles: admin@{line} is no role; people are of all lines: use admin")
    return dict(roles)


def role_texts(roles: Mapping[str, Role]) -> list[str]:
    """Return roles as `parse_roles` reads them."""
    return [_text(line, role) for line, role in sorted(roles.items())]


def bounded(roles: Mapping[str, Role], by: Mapping[str, Role]) -> dict[str, Role]:
    """Return what both allow: on each line the smaller role."""
    lines = {*roles, *by}
    smaller = {line: min(_on(roles, line), _on(by, line)) for line in lines}
    return {line: Role(role) for line, role in smaller.items() if role}


def exceeds(roles: Mapping[str, Role], by: Mapping[str, Role]) -> bool:
    """Return whether `roles` allow anything that `by` does not."""
    return any(role > _on(by, line) for line, role in roles.items())


def _on(roles: Mapping[str, Role], line: str) -> int:
    return max(roles.get(line, 0), roles.get(EVERY_LINE, 0))


def _text(line: str, role: Role) -> str:
    return role.name.lower() + ("" if line == EVERY_LINE else f"@{line}")


def _role(name: str, text: str) -> Role:
    try:
        return Role[name.strip().upper()]
    except KeyError:
        raise InspectorError(f"role: {text!r} is none; use {ROLE_NAMES}, with @LINE for a single line") from None
