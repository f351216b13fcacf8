"""Questions to an identity provider: bounded in time and size, without redirects, encrypted but on this machine."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_plus, urlsplit

import httpx

from inspector.access.addresses import is_confidential
from inspector.ports.identity_provider import IdentityProviderError

TIMEOUT_S: Final = 10.0  # without a byte
TOTAL_TIMEOUT_S: Final = 20.0  # for one answer
PLAIN_BODIES: Final = {"Accept-Encoding": "identity"}  # a small compressed body may hide a huge one
MAX_ANSWER_BYTES: Final = 1 << 20
BASIC: Final = "client_secret_basic"


@dataclass(frozen=True, slots=True)
class ProviderHttp:
    """Asks over one client, whose certificates are the caller's choice. Every method raises IdentityProviderError."""

    client: httpx.Client

    def get(self, url: str, bearer: str = "") -> Mapping[str, Any]:
        return self._answer("GET", url, headers={"Authorization": f"Bearer {bearer}"} if bearer else {})

    def post(
        self, url: str, form: Mapping[str, str], client_id: str, secret: str, methods: Sequence[str]
    ) -> Mapping[str, Any]:
        """Send a form as the client that it names, by the first of both ways that the provider knows."""
        if secret and BASIC in methods:
            return self._answer("POST", url, data=form, auth=(quote_plus(client_id), quote_plus(secret)))
        own = {"client_id": client_id} | ({"client_secret": secret} if secret else {})
        return self._answer("POST", url, data={**form, **own})

    def _answer(self, method: str, url: str, **content: Any) -> Mapping[str, Any]:
        """Return the object that the provider answers."""
        place, headers = urlsplit(url).netloc, PLAIN_BODIES | content.pop("headers", {})
        ends_s = time.monotonic() + TOTAL_TIMEOUT_S
        try:
            with self.client.stream(
                method, url, timeout=TIMEOUT_S, follow_redirects=False, headers=headers, **content
            ) as response:
                body = _body(response, place, ends_s)
        except httpx.HTTPError as error:
            raise IdentityProviderError(
                f"the identity provider {place} can't be reached ({type(error).__name__}: {error}); log in with a "
                "password, or try again"
            ) from error
        answer = _object(body)
        if response.status_code != httpx.codes.OK:
            raise IdentityProviderError(
                f"the identity provider {place} refuses ({response.status_code} {_problem(answer)}); log in again"
            )
        if answer is None:
            raise IdentityProviderError(f"the identity provider {place} answers no JSON object; check its address")
        return answer


def require_url(url: str, name: str) -> None:
    """Raise IdentityProviderError for an address that is not encrypted, unless it is on this machine."""
    if not is_confidential(url):
        raise IdentityProviderError(
            f"{name}: {url[:256]!r} is no https address; passwords and tokens must be encrypted"
        )


def _body(response: httpx.Response, place: str, ends_s: float) -> bytes:
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if time.monotonic() > ends_s:
            raise IdentityProviderError(
                f"the identity provider {place} takes more than {TOTAL_TIMEOUT_S:g} s for one answer; try again"
            )
        if len(body) > MAX_ANSWER_BYTES:
            raise IdentityProviderError(f"the identity provider {place} answers more than {MAX_ANSWER_BYTES} bytes")
    return body


def _object(body: bytes) -> Mapping[str, Any] | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _problem(answer: Mapping[str, Any] | None) -> str:
    """Return the provider's own words about a refusal."""
    words = [answer.get(name) for name in ("error", "error_description")] if answer else []
    return ": ".join(str(each)[:200] for each in words if each) or "without a reason"
