"""What the console knows about who may use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from inspector.access.audit import Audit
from inspector.access.sessions import Sessions
from inspector.access.sign_on import SignOn
from inspector.access.tokens import Tokens
from inspector.access.users import Users
from inspector.domain.person import EVERY_LINE, Person, Role

CONSOLE_NAME: Final = "console"
DEMO_NAME: Final = "demo"


@dataclass(frozen=True, slots=True)
class AccessServices:
    """People, tokens and the audit. They block: handlers that call them are plain `def`.

    `visitor` is everybody, where no login is asked for. `metrics_token` is the sha256 of the token that reads /metrics.
    `names` are further host names of this console. `sign_on` is None where no identity provider is named.
    """

    users: Users
    sessions: Sessions
    tokens: Tokens
    audit: Audit
    visitor: Person | None = None
    metrics_token: str = ""
    names: tuple[str, ...] = ()
    sign_on: SignOn | None = None


def visitor(name: str) -> Person:
    """Return the person that everybody is, where no login is asked for: on loopback only."""
    return Person(name, {EVERY_LINE: Role.ADMIN})
