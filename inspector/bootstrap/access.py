"""Builds what the console knows about people out of settings."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from inspector.access.audit import Audit
from inspector.access.login_secret import stored_form
from inspector.access.sessions import Sessions
from inspector.access.tokens import Tokens
from inspector.access.users import Users
from inspector.errors import InspectorError
from inspector.settings import Settings

if TYPE_CHECKING:
    from inspector.adapters.console.access import AccessServices

SETTINGS_ACTOR: Final = "settings"  # who made the first administrator, in the audit
MIN_TOKEN_CHARACTERS: Final = 20
STANDARD_INPUT: Final = "-"


def read_secret(file: Path, setting: str) -> str:
    """Return the first line of a file with a password or token; `-` is standard input. Raises InspectorError."""
    try:
        text = sys.stdin.readline() if str(file) == STANDARD_INPUT else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InspectorError(f"{setting}: {file} can't be read: {reason}; correct its path or its rights") from error
    secret = (text.splitlines() or [""])[0].strip()
    if not secret:
        raise InspectorError(f"{setting}: {file} is empty; write the secret into its first line")
    return secret


def metrics_secret(settings: Settings) -> str:
    """Return the sha256 of the token that reads /metrics; empty without one. Raises InspectorError."""
    if settings.metrics_token_file is None:
        return ""
    token = read_secret(settings.metrics_token_file, "INSPECTOR_METRICS_TOKEN_FILE")
    if len(token) < MIN_TOKEN_CHARACTERS:
        raise InspectorError(
            f"INSPECTOR_METRICS_TOKEN_FILE: the token has {len(token)} characters, and could be guessed; use at least "
            f"{MIN_TOKEN_CHARACTERS} random ones: openssl rand -hex 32"
        )
    return stored_form(token)


def prepare_access(settings: Settings) -> None:
    """Make the first administrator where there is none yet. Raises InspectorError for files that can't be used."""
    metrics_secret(settings)
    if settings.admin_password_file is None:
        return
    from inspector.adapters.ledger import SqlPeople

    password = read_secret(settings.admin_password_file, "INSPECTOR_ADMIN_PASSWORD_FILE")
    with closing(SqlPeople(settings.database)) as store:
        Users(store).add_first(password, SETTINGS_ACTOR)


@contextmanager
def access_services(settings: Settings, visitor_name: str) -> Iterator[AccessServices]:
    """Yield what the console knows about people, and seal the audit meanwhile.

    Where no login is asked for, everybody is `visitor_name`.
    """
    from inspector.access.audit_sealer import AuditSealer
    from inspector.adapters.console.access import AccessServices, visitor
    from inspector.adapters.ledger import SqlAuditStore, SqlPeople

    with closing(SqlPeople(settings.database)) as people, closing(SqlAuditStore(settings.database)) as store:
        audit = Audit(store)
        sealer = AuditSealer(audit)
        sealer.start()
        try:
            yield AccessServices(
                users=Users(people),
                sessions=Sessions(people, people),
                tokens=Tokens(people),
                audit=audit,
                visitor=visitor(visitor_name) if settings.login == "off" else None,
                metrics_token=metrics_secret(settings),
                names=tuple(name.lower() for name in settings.console_names),
            )
        finally:
            sealer.stop()
