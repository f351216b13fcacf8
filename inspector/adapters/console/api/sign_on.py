"""Logging in at the plant's identity provider: the way there, and the return. Pages for browsers, not for programs."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from inspector.access.sessions import LoginRefused, TooManyLogins
from inspector.access.sign_on import LONGEST_TICKET, SignOn, SignOnReturn
from inspector.adapters.console.api.problems import Problem, ProblemType
from inspector.adapters.console.api.session import client_of, is_encrypted, set_session_cookie
from inspector.adapters.console.login_page import (
    RETURN_PATH,
    SIGN_ON_PATH,
    LoginVisit,
    login_form,
    own_path,
    signed_on_page,
)
from inspector.adapters.console.services import ConsoleServices, Services
from inspector.errors import InspectorError
from inspector.ports.identity_provider import IdentityProviderError
from inspector.text import one_line, shortened

TICKET_COOKIE: Final = "inspector_sign_on"
SECURE_TICKET_COOKIE: Final = f"__Host-{TICKET_COOKIE}"
TICKET_COOKIES: Final = (SECURE_TICKET_COOKIE, TICKET_COOKIE)
MAX_CODE: Final = 4096
MAX_PROBLEM: Final = 200

pages = APIRouter(include_in_schema=False)

Returned = Annotated[str, Query(max_length=MAX_CODE)]


@pages.get(SIGN_ON_PATH)
def begin_sign_on(services: Services, request: Request, next: Returned = "/") -> Response:
    """Send the browser to the provider."""
    sign_on = _sign_on(services)
    try:
        start = sign_on.start(own_path(next), str(request.url.replace(path=RETURN_PATH, query="", fragment="")))
    except (IdentityProviderError, TooManyLogins) as error:
        return _refusal(request, error)
    response = RedirectResponse(start.url, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    is_secure = is_encrypted(request)
    response.set_cookie(
        SECURE_TICKET_COOKIE if is_secure else TICKET_COOKIE,
        start.ticket,
        max_age=int(LONGEST_TICKET.total_seconds()),
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="lax",  # a strict one would not come back from the provider
    )
    return response


@pages.get(RETURN_PATH)
def end_sign_on(
    services: Services, request: Request, state: Returned = "", code: Returned = "", error: Returned = ""
) -> Response:
    """Open a session for who comes back from the provider, and show the page that was wanted."""
    sign_on = _sign_on(services)
    try:
        if error or not code:
            raise LoginRefused(f"the identity provider refused: {shortened(one_line(error or 'no code'), MAX_PROBLEM)}")
        ticket = next((request.cookies[name] for name in TICKET_COOKIES if name in request.cookies), "")
        signed_on = sign_on.finish(SignOnReturn(ticket, state, code), client_of(request))
    except (LoginRefused, TooManyLogins, IdentityProviderError) as refused:
        return _without_ticket(_refusal(request, refused))
    response = signed_on_page(LoginVisit.of(request), signed_on.wanted)
    set_session_cookie(request, response, signed_on.session)
    return _without_ticket(response)


def _sign_on(services: ConsoleServices) -> SignOn:
    if services.access.sign_on is None:
        raise Problem(ProblemType.NOT_FOUND, "no identity provider is named; set INSPECTOR_OIDC_ISSUER")
    return services.access.sign_on


def _refusal(request: Request, error: InspectorError) -> Response:
    status = 503 if isinstance(error, IdentityProviderError) else 429 if isinstance(error, TooManyLogins) else 403
    return login_form(LoginVisit.of(request), "/", str(error), status, signs_on=True)


def _without_ticket(response: Response) -> Response:
    for name in TICKET_COOKIES:
        response.delete_cookie(name, path="/", secure=name == SECURE_TICKET_COOKIE, httponly=True, samesite="lax")
    return response
