"""Port of `adapters/oidc`: the plant's identity provider, where people log in with the account they have already."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from inspector.errors import InspectorError


class SignOnRequest(NamedTuple):
    """What one login is recognised by. `verifier` is PKCE's secret, and `redirect_url` is where the browser returns."""

    state: str
    nonce: str
    verifier: str
    redirect_url: str


class ProvenIdentity(NamedTuple):
    """Somebody whom the provider knows. Issuer and subject never change; the name and the groups may."""

    issuer: str
    subject: str
    name: str
    groups: tuple[str, ...]


class IdentityProviderError(InspectorError):
    """The provider is away, refuses the login, or says something that can't be believed."""


class IdentityProvider(Protocol):
    """An identity provider. Synchronous: its answers take as long as its network."""

    def login_url(self, request: SignOnRequest) -> str:
        """Return the provider's page that asks who somebody is. Raises IdentityProviderError."""

    def identity(self, request: SignOnRequest, code: str) -> ProvenIdentity:
        """Exchange a code, once, for who logged in. Raises IdentityProviderError."""
