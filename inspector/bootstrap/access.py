"""Builds what the console knows about people out of settings."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from inspector.access.audit import Audit
from inspector.access.login_secret import stored_form
from inspector.access.roles import parse_group_roles
from inspector.access.sessions import Sessions
from inspector.access.tokens import Tokens
from inspector.access.users import Users
from inspector.errors import InspectorError
from inspector.ports.access import UserStore
from inspector.runtime.background_steps import running
from inspector.secret_texts import remember_secrets
from inspector.settings import Settings

if TYPE_CHECKING:
    from inspector.access.sign_on import SignOn
    from inspector.adapters.console.access import AccessServices
    from inspector.adapters.oidc import OidcClient

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


def read_random_secret(file: Path, setting: str, kind: str, least: int) -> str:
    """Return a secret of at least `least` characters; `kind` names it in words. Raises InspectorError."""
    secret = read_secret(file, setting)
    if len(secret) < least:
        raise InspectorError(
            f"{setting}: the {kind} has {len(secret)} characters, and could be guessed; use at least {least} random "
            "ones: openssl rand -hex 32"
        )
    return secret


def metrics_secret(settings: Settings) -> str:
    """Return the sha256 of the token that reads /metrics; empty without one. Raises InspectorError."""
    if settings.metrics_token_file is None:
        return ""
    setting = "INSPECTOR_METRICS_TOKEN_FILE"
    return stored_form(read_random_secret(settings.metrics_token_file, setting, "token", MIN_TOKEN_CHARACTERS))


def prepare_access(settings: Settings) -> None:
    """Make the first administrator where there is none yet. Raises InspectorError for files that can't be used."""
    metrics_secret(settings)
    if settings.oidc_issuer:
        _oidc_client(settings)
        _authorities(settings)
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

    with (
        closing(SqlPeople(settings.database)) as people,
        closing(SqlAuditStore(settings.database)) as store,
        ExitStack() as resources,
    ):
        audit, sessions = Audit(store), Sessions(people, people)
        resources.enter_context(running(AuditSealer(audit)))
        yield AccessServices(
            users=Users(people),
            sessions=sessions,
            tokens=Tokens(people),
            audit=audit,
            visitor=visitor(visitor_name) if settings.login == "off" else None,
            metrics_token=metrics_secret(settings),
            names=tuple(name.lower() for name in settings.console_names),
            sign_on=_sign_on(settings, people, sessions, resources) if settings.oidc_issuer else None,
        )


def _sign_on(settings: Settings, users: UserStore, sessions: Sessions, resources: ExitStack) -> SignOn:
    """Return the logins by the identity provider. Raises InspectorError for files that can't be used."""
    import httpx

    from inspector.access.sign_on import SignOn
    from inspector.adapters.oidc import OidcProvider, ProviderHttp

    http = resources.enter_context(httpx.Client(verify=_authorities(settings)))
    provider = OidcProvider(_oidc_client(settings), ProviderHttp(http))
    return SignOn(provider, users, sessions, parse_group_roles(settings.oidc_roles))


def _oidc_client(settings: Settings) -> OidcClient:
    from inspector.adapters.oidc import OidcClient

    file = settings.oidc_client_secret_file
    secret = read_secret(file, "INSPECTOR_OIDC_CLIENT_SECRET_FILE") if file else ""
    remember_secrets([secret])
    return OidcClient(
        settings.oidc_issuer,
        settings.oidc_client_id,
        secret,
        settings.oidc_scopes,
        settings.oidc_name_claim,
        settings.oidc_groups_claim,
    )


def _authorities(settings: Settings) -> ssl.SSLContext:
    """Return whose signature of the provider's certificate is believed. Raises InspectorError."""
    try:
        return ssl.create_default_context(cafile=settings.oidc_ca)
    except OSError as error:  # ssl.SSLError is one
        raise InspectorError(
            f"INSPECTOR_OIDC_CA: {settings.oidc_ca}: {error.strerror or error}; name a PEM file with the authority"
        ) from error
