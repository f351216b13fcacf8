"""The console as one ASGI application: the REST API and the front end."""

from __future__ import annotations

from fastapi import FastAPI

from inspector.adapters.console.api.app import rest_app
from inspector.adapters.console.services import ConsoleServices
from inspector.adapters.console.web_pages import serve_web_pages
from inspector.ports.metrics import MetricsPage


def console_app(services: ConsoleServices, metrics: MetricsPage | None = None) -> FastAPI:
    """Build the console, served at the root of its address."""
    app = rest_app(services, metrics)
    serve_web_pages(app)
    return app
