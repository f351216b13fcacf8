"""The console's pages: NiceGUI views of the REST API's answers.

Only `console.app` imports this package. The pages call `Catalogue`, as the API's routes do, and not the API over HTTP:
that avoids encoding and decoding JSON for every tab every second. Only pictures travel through the API, fetched by the
browser. The pages never write.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from fastapi import FastAPI
from nicegui import app, ui

from inspector.adapters.console.pages.addresses import read_filter
from inspector.adapters.console.pages.live import CAMERAS_SHOWN, LivePage, LiveQueries
from inspector.adapters.console.pages.looks import asset
from inspector.adapters.console.pages.part import PartPage
from inspector.adapters.console.pages.shell import add_style_sheet, error_page, not_found_page
from inspector.adapters.console.pages.tables import cameras_page, events_page
from inspector.adapters.console.queries import Catalogue
from inspector.messages.topics import Topics

EVENTS_SHOWN: Final = 200
BUILD_TIMEOUT_S: Final = 15.0
RECONNECT_S: Final = 20.0  # a tablet that slept for less reconnects to its page


def serve_pages(api: FastAPI, catalogue: Catalogue, topics: Topics) -> None:
    """Serve the pages at the root of the application that already serves the REST API."""
    add_pages(catalogue, topics)
    ui.run_with(
        api,
        root=not_found_page,
        title="inspector",
        favicon=asset("mark.svg"),
        dark=None,
        reconnect_timeout=RECONNECT_S,
        tailwind=False,
        show_welcome_message=False,
    )


def add_pages(catalogue: Catalogue, topics: Topics) -> None:
    """Register the pages with NiceGUI, which keeps them in a module: one console per process."""
    questions = LiveQueries(catalogue)

    async def live(line: str = "", disposition: str = "", reason: str = "") -> None:
        await LivePage(questions, topics, read_filter(line, disposition, reason)).build()

    async def part(result_id: str) -> None:
        await PartPage(catalogue, result_id).build()

    async def cameras() -> None:
        await cameras_page(partial(questions.cameras, None, CAMERAS_SHOWN), topics)

    async def events() -> None:
        await events_page(partial(questions.events, None, EVENTS_SHOWN))

    add_style_sheet()
    app.on_page_exception(error_page)
    for address, page in (("/", live), ("/part/{result_id}", part), ("/cameras", cameras), ("/events", events)):
        ui.page(address, response_timeout=BUILD_TIMEOUT_S)(page)
