"""The console as one ASGI application: the REST API, and the pages if NiceGUI is installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Final

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

from inspector.adapters.console.queries import Catalogue
from inspector.adapters.console.rest import catalogue_api
from inspector.messages.topics import DEFAULT_ROOT, Topics
from inspector.ports.archive import Archive
from inspector.ports.evidence import EvidenceStore
from inspector.ports.metrics import MetricsPage, StationStatus

NO_PAGES_TEXT: Final = (
    "inspector runs. Its pages are not installed here: pip install 'inspector[console]', then restart the service.\n"
    "The REST API is at /api/v1, its description at /api/v1/openapi.json.\n"
)


def console_app(
    archive: Archive,
    evidence: EvidenceStore,
    *,
    topic_root: str = DEFAULT_ROOT,
    metrics: MetricsPage | None = None,
    stations: Callable[[], Sequence[StationStatus]] = tuple,
) -> FastAPI:
    """Build the console, served at the root of its address.

    The pages keep open tabs in module state. Build one console per process, in the process that serves it, and run one
    process. The REST API alone (`rest_api`) has neither limit.
    """
    catalogue = Catalogue(archive, evidence, stations)
    app = catalogue_api(catalogue, metrics)
    if find_spec("nicegui") is None:
        app.add_api_route("/", _no_pages, include_in_schema=False)
    else:
        from inspector.adapters.console.pages import serve_pages

        serve_pages(app, catalogue, Topics(topic_root))
    return app


async def _no_pages() -> PlainTextResponse:
    return PlainTextResponse(NO_PAGES_TEXT)
