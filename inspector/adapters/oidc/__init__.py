"""Adapter of the port `identity_provider`: OpenID Connect, with Authlib's checks of tokens.

Imported by `bootstrap`. Knows ports; never users, roles or HTTP requests of browsers.
"""

from inspector.adapters.oidc.provider import OidcClient, OidcProvider
from inspector.adapters.oidc.provider_http import ProviderHttp

__all__ = ["OidcClient", "OidcProvider", "ProviderHttp"]
