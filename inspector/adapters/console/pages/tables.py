"""The pages of cameras and of events: one table each, refreshed every second."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

from nicegui import ui

from inspector.adapters.console.pages.rows import camera_row, event_row
from inspector.adapters.console.pages.sheet import Sheet
from inspector.adapters.console.pages.shell import PageNotice, shell, words
from inspector.adapters.console.schemas import CameraList, EventList
from inspector.errors import LedgerError
from inspector.messages.topics import Topics

REFRESH_S: Final = 1.0
HOW_TO_CONNECT: Final = (
    "An unknown camera publishes frames that no line uses. Name it under cameras in its line's file in pipelines/ "
    "and run inspector apply; or correct the topic the camera publishes to:"
)


class TablePage:
    """One open tab: a hint above, a table below."""

    def __init__(self, title: Literal["Cameras", "Events"], here: str, hint: Callable[[], None] | None = None) -> None:
        with shell(title, here) as self._status:
            self._away = PageNotice("bad")
            if hint:
                hint()
            self._sheet = Sheet(title)

    async def follow(self, ask: Callable[[], Awaitable[list[dict[str, Any]]]]) -> None:
        async def refresh() -> None:
            try:
                self._sheet.show(await ask())
            except LedgerError as error:
                self._away.show(f"The database can't be read: {error}. Retrying every second.")
                self._status.show("no data", "away")
            else:
                self._away.show("")
                self._status.show("live")

        await refresh()
        ui.timer(REFRESH_S, refresh, immediate=False)


async def cameras_page(ask: Callable[[], Awaitable[CameraList]], topics: Topics) -> None:
    """Show the cameras, unknown ones first."""

    def hint() -> None:
        with ui.element("p").classes("muted hint"):
            words("span", f"{HOW_TO_CONNECT} ")
            words("code", topics.camera("LINE", "CAMERA", "frame"))

    async def rows() -> list[dict[str, Any]]:
        return [camera_row(camera) for camera in sorted((await ask()).cameras, key=lambda each: each.known)]

    await TablePage("Cameras", "/cameras", hint).follow(rows)


async def events_page(ask: Callable[[], Awaitable[EventList]]) -> None:
    """Show the events, newest first."""

    async def rows() -> list[dict[str, Any]]:
        return [event_row(event) for event in (await ask()).events]

    await TablePage("Events", "/events").follow(rows)
