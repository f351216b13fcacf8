"""The console as one ASGI application: the REST API, and the pages if NiceGUI is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

from inspector.adapters.console.api.app import rest_app
from inspector.adapters.console.services import ConsoleServices
from inspector.messages.topics import DEFAULT_ROOT, Topics
from inspector.ports.metrics import MetricsPage

NO_PAGES_TEXT: Final = (
    "inspector runs. Its pages are not installed here: pip install 'inspector[console]', then restart the service.\n"
    "The REST API is at /api/v1, its description at /api/v1/openapi.json.\n"
)


def console_app(
    services: ConsoleServices, *, topic_root: str = DEFAULT_ROOT, metrics: MetricsPage | None = None
) -> FastAPI:
    """Build the console, served at the root of its address.

    The pages keep open tabs in module state. Build one console per process, in the process that serves it, and run one
    process. The REST API alone (`rest_app`) has neither limit.
    """
    app = rest_app(services, metrics)
    if find_spec("nicegui") is None:
        app.add_api_route("/", _no_pages, include_in_schema=False)
    else:
        from inspector.adapters.console.pages import serve_pages

        serve_pages(app, services.catalogue, Topics(topic_root))
    return app


async def _no_pages() -> PlainTextResponse:
    return PlainTextResponse(NO_PAGES_TEXT)
