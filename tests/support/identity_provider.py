"""A real OpenID Connect provider on this machine, and a browser that logs in there."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from flask import request
from oidc_provider_mock import User, app
from werkzeug.serving import make_server


@dataclass
class IdentityProviderServer:
    """The provider. `forms` are what its token endpoint was sent."""

    issuer: str
    forms: list[dict[str, str]] = field(default_factory=list)

    def return_address(self, login_url: str, subject: str, **changed: str) -> str:
        """Log a person in at the provider's page, and return where the browser is sent then."""
        parts = urlsplit(login_url)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()} | changed
        page = f"{parts.scheme}://{parts.netloc}{parts.path}?{urlencode(asked)}"
        answer = httpx.post(page, data={"sub": subject}, timeout=30)
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"])

    def set_user(self, subject: str, claims: Mapping[str, Any]) -> None:
        httpx.put(f"{self.issuer}/users/{subject}", json=dict(claims), timeout=30).raise_for_status()


@contextmanager
def identity_provider_server(
    claims: Mapping[str, Mapping[str, Any]], token_age: timedelta = timedelta(hours=1)
) -> Iterator[IdentityProviderServer]:
    """Start it with people's claims by subject. Its ID tokens end after `token_age`."""
    users = [User(sub=subject, claims=dict(each)) for subject, each in claims.items()]
    flask = app(user_claims=users, access_token_max_age=token_age, require_nonce=True)
    server = IdentityProviderServer("")

    def note_form() -> None:
        if request.path == "/oauth2/token":
            server.forms.append(request.form.to_dict())

    flask.before_request(note_form)
    running = make_server("127.0.0.1", 0, flask, threaded=True)
    server.issuer = f"http://127.0.0.1:{running.server_port}"
    thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


def challenge_of(verifier: str) -> str:
    """PKCE's S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
