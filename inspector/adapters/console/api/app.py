"""The REST API as one ASGI application. Its description is generated: `/api/v1/openapi.json`."""

from __future__ import annotations

import asyncio
import json
from typing import Final

from fastapi import FastAPI, Request, Response
from starlette.routing import Route

from inspector import __doc__ as description
from inspector.adapters.console.api import (
    about,
    audit,
    cameras,
    drafts,
    events,
    exports,
    golden_samples,
    health,
    jobs,
    line_pictures,
    line_totals,
    lines,
    new_lines,
    part_details,
    parts,
    qualifications,
    replay_table,
    review_leases,
    reviews,
    session,
    sign_on,
    statistics,
    stream,
    teaching,
    tokens,
    tuning,
    unknown_cameras,
    users,
    versions,
)
from inspector.adapters.console.api.body_limits import BodyLimits
from inspector.adapters.console.api.described_api import DescribedApi
from inspector.adapters.console.api.models import PREFIX
from inspector.adapters.console.api.person import needs
from inspector.adapters.console.api.problems import READ_RESPONSES, add_problem_handlers
from inspector.adapters.console.api.request_checks import UnservedRequests
from inspector.adapters.console.api.request_login import RequestLogin
from inspector.adapters.console.services import ConsoleServices
from inspector.domain.person import Role
from inspector.ports.metrics import MetricsPage

PEOPLE: Final = (session, users, tokens, audit)
"""Their handlers check roles by themselves: everybody may see and end their own logins and tokens."""
RESOURCES: Final = (
    about,
    parts,
    part_details,
    reviews,
    review_leases,
    lines,
    golden_samples,
    versions,
    drafts,
    tuning,
    replay_table,
    line_pictures,
    qualifications,
    teaching,
    jobs,
    cameras,
    new_lines,
    unknown_cameras,
    events,
    line_totals,
    statistics,
    exports,
    stream,
    health,
)


def rest_app(services: ConsoleServices, metrics: MetricsPage | None = None) -> FastAPI:
    """Build the API over these services, with /metrics if there is such a page."""
    app = _routed()
    app.state.services = services
    app.add_middleware(RequestLogin, access=services.access)
    app.add_middleware(BodyLimits)
    if metrics:
        app.state.metrics = metrics
        app.add_api_route("/metrics", _read_metrics, include_in_schema=False)
    return app


def openapi_text() -> str:
    """Return the OpenAPI document of the API as JSON."""
    return json.dumps(_routed().openapi(), indent=1, ensure_ascii=False) + "\n"


def _routed() -> DescribedApi:
    """Return an application with all routes. FastAPI's own documentation pages load from the internet: they are off."""
    app = DescribedApi(
        title="inspector",
        version="1",
        description=description or "",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    add_problem_handlers(app)
    for each in RESOURCES:
        app.include_router(each.router, prefix=PREFIX, responses=READ_RESPONSES, dependencies=[needs(Role.VIEWER)])
    for each in PEOPLE:
        app.include_router(each.router, prefix=PREFIX, responses=READ_RESPONSES)
    app.include_router(session.pages)
    app.include_router(sign_on.pages)
    app.include_router(health.probes)
    app.add_api_route(f"{PREFIX}/openapi.json", _read_description, include_in_schema=False)
    served = [route for each in (*RESOURCES, *PEOPLE) for route in each.router.routes]
    app.router.routes.append(Route(f"{PREFIX}/{{path:path}}", UnservedRequests(served, PREFIX)))
    for each in RESOURCES:
        app.describe(each.router, PREFIX, Role.VIEWER)
    for each in PEOPLE:
        app.describe(each.router, PREFIX)
    app.describe(health.probes)
    return app


def _read_description(request: Request) -> Response:
    """Return the OpenAPI document. A thread builds it: this takes seconds, and pages get their news meanwhile."""
    return Response(json.dumps(request.app.openapi()), media_type="application/json")


async def _read_metrics(request: Request) -> Response:
    """Return the metrics, at Prometheus's default path outside the API."""
    metrics: MetricsPage = request.app.state.metrics
    return Response(await asyncio.to_thread(metrics.render), media_type=metrics.media_type)
