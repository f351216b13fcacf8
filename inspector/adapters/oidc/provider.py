"""An OpenID Connect provider: authorization code with PKCE, and a signed ID token that is checked claim by claim.

Its description and keys are read when they are first needed, and again after an hour or for a key that is unknown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, NamedTuple

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from inspector.adapters.oidc.provider_http import ProviderHttp, require_url
from inspector.ports.identity_provider import IdentityProviderError, ProvenIdentity, SignOnRequest

DESCRIPTION_PATH: Final = "/.well-known/openid-configuration"
BELIEVED_S: Final = 3600.0
LEEWAY_S: Final = 60  # between both clocks
MAX_TOKEN_AGE_S: Final = 600  # of an ID token: it was asked for just now
MAX_GROUPS: Final = 1000
MAX_TEXT: Final = 256  # characters of a name or a group
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class OidcClient(NamedTuple):
    """How this console is known at the provider, and the claims that it reads. `secret` is empty for public clients."""

    issuer: str
    client_id: str
    secret: str = ""
    scopes: tuple[str, ...] = ("openid", "profile")
    name_claim: str = "preferred_username"
    groups_claim: str = "groups"


class _Known(NamedTuple):
    description: Mapping[str, Any]
    keys: KeySet
    read_at: float


@dataclass(slots=True)
class OidcProvider:
    """The provider. Every method raises IdentityProviderError."""

    client: OidcClient
    http: ProviderHttp
    now: Callable[[], float] = time.time
    _known: _Known | None = None
    _lock: Lock = field(default_factory=Lock)

    def login_url(self, request: SignOnRequest) -> str:
        asked = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": request.redirect_url,
            "scope": " ".join(self.client.scopes),
            "state": request.state,
            "nonce": request.nonce,
            "code_challenge": create_s256_code_challenge(request.verifier),
            "code_challenge_method": "S256",
        }
        return str(add_params_to_uri(self._read().description["authorization_endpoint"], list(asked.items())))

    def identity(self, request: SignOnRequest, code: str) -> ProvenIdentity:
        answer = self._redeemed(request, code)
        claims = self._claims(str(answer.get("id_token", "")), request.nonce, str(answer.get("access_token", "")))
        if self.client.name_claim not in claims or self.client.groups_claim not in claims:
            claims = self._further_claims(claims, str(answer.get("access_token", "")))
        return ProvenIdentity(
            self.client.issuer,
            str(claims["sub"]),
            _text(claims.get(self.client.name_claim)),
            _groups(claims.get(self.client.groups_claim)),
        )

    def _read(self, *, again: bool = False) -> _Known:
        with self._lock:
            known = self._known
            if known is None or again or self.now() - known.read_at > BELIEVED_S:
                known = self._known = self._asked()
            return known

    def _asked(self) -> _Known:
        described = self.http.get(self.client.issuer.rstrip("/") + DESCRIPTION_PATH)
        if described.get("issuer") != self.client.issuer:
            raise IdentityProviderError(
                f"INSPECTOR_OIDC_ISSUER: the provider calls itself {str(described.get('issuer'))[:MAX_TEXT]!r}, not "
                f"{self.client.issuer!r}; write it as the provider does"
            )
        for name in ENDPOINTS:
            require_url(str(described.get(name, "")), f"the provider's {name}")
        try:
            keys = KeySet.import_key_set(self.http.get(described["jwks_uri"]))  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise IdentityProviderError("the provider's keys can't be read; look at its jwks_uri") from error
        return _Known(described, keys, self.now())

    def _redeemed(self, request: SignOnRequest, code: str) -> Mapping[str, Any]:
        description = self._read().description
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": request.redirect_url,
            "code_verifier": request.verifier,
        }
        methods = description.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return self.http.post(description["token_endpoint"], form, self.client.client_id, self.client.secret, methods)

    def _claims(self, token: str, nonce: str, access_token: str) -> Mapping[str, Any]:
        options = {
            "iss": {"essential": True, "value": self.client.issuer},
            "aud": {"essential": True, "value": self.client.client_id},
        }
        params = {"nonce": nonce, "client_id": self.client.client_id, "access_token": access_token}
        try:
            decoded = self._decoded(token)
            claims = CodeIDToken(decoded.claims, decoded.header, options, params)
            claims.validate(now=int(self.now()), leeway=LEEWAY_S)
            self._require_fresh(claims)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise IdentityProviderError(
                f"the provider's ID token can't be believed ({error}); log in again, and compare both clocks"
            ) from error
        return dict(claims)

    def _decoded(self, token: str) -> jwt.Token:
        try:
            return jwt.decode(token, self._read().keys, algorithms=list(ALGORITHMS))
        except (JoseError, ValueError):  # its key may be newer than ours
            return jwt.decode(token, self._read(again=True).keys, algorithms=list(ALGORITHMS))

    def _require_fresh(self, claims: Mapping[str, Any]) -> None:
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise ValueError("sub is no text")
        if self.now() - float(claims["iat"]) > MAX_TOKEN_AGE_S:
            raise ValueError(f"it is older than {MAX_TOKEN_AGE_S} s")

    def _further_claims(self, claims: Mapping[str, Any], access_token: str) -> Mapping[str, Any]:
        """Return the claims with those of the userinfo endpoint, where a provider keeps its ID tokens short."""
        place = self._read().description.get("userinfo_endpoint")
        if not isinstance(place, str) or not access_token:
            return claims
        require_url(place, "the provider's userinfo_endpoint")
        further = self.http.get(place, access_token)
        if further.get("sub") != claims["sub"]:
            raise IdentityProviderError("the provider's userinfo is of somebody else than its ID token; log in again")
        return {**further, **claims}


def _text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= MAX_TEXT else ""


def _groups(value: object) -> tuple[str, ...]:
    """Return the groups of a claim: a list of texts, or one text."""
    listed = value if isinstance(value, list) else [value]
    return tuple(each for each in map(_text, listed[:MAX_GROUPS]) if each)
