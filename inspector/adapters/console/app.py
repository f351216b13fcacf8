"""The whole console as one ASGI application: REST API and pages."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from nicegui import ui

from inspector.adapters.console.pages import add_pages
from inspector.adapters.console.pages.looks import asset
from inspector.adapters.console.pages.shell import not_found
from inspector.adapters.console.queries import Catalogue
from inspector.adapters.console.rest import rest_over
from inspector.messages.topics import DEFAULT_ROOT, Topics
from inspector.ports.archive import Archive
from inspector.ports.evidence import EvidenceStore
from inspector.ports.metrics import MetricsPage

RECONNECT_S: Final = 20.0  # a tablet that slept this long finds its page again


def console_app(
    archive: Archive,
    evidence: EvidenceStore,
    *,
    topic_root: str = DEFAULT_ROOT,
    metrics: MetricsPage | None = None,
) -> FastAPI:
    """The console, served at the root of its address.

    NiceGUI keeps its pages and open tabs in module state: build one console per process, inside the process that
    serves it, and run one copy of it. The REST API alone (`rest_api`) has neither limit.
    """
    catalogue = Catalogue(archive, evidence)
    add_pages(catalogue, Topics(topic_root))
    app = rest_over(catalogue, metrics)
    ui.run_with(
        app,
        root=not_found,
        title="inspector",
        favicon=asset("mark.svg"),
        dark=None,
        reconnect_timeout=RECONNECT_S,
        tailwind=False,
        show_welcome_message=False,
    )
    return app
