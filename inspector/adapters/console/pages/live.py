"""The live page: newest parts as they are decided, filters, and paging to older parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from nicegui import ui

from inspector.adapters.console.pages.addresses import list_address
from inspector.adapters.console.pages.empty import EmptyList
from inspector.adapters.console.pages.filters import FilterBar
from inspector.adapters.console.pages.panels import LatencyChart, LineBars, TotalsStrip
from inspector.adapters.console.pages.rows import part_row
from inspector.adapters.console.pages.shared import SharedQuery
from inspector.adapters.console.pages.sheet import Sheet
from inspector.adapters.console.pages.shell import PageNotice, shell
from inspector.adapters.console.queries import Catalogue
from inspector.adapters.console.schemas import (
    CameraAnswer,
    CameraList,
    EventList,
    PartList,
    PipelineAnswer,
    TotalsAnswer,
)
from inspector.errors import LedgerError
from inspector.messages.topics import Topics
from inspector.ports.archive import CameraPosition, PartFilter

REFRESH_S: Final = 0.7
CACHE_S: Final = 0.5
PARTS_PER_PAGE: Final = 60
CAMERAS_SHOWN: Final = 500
TOTALS_WINDOWS_MINUTES: Final = {
    15: "Last 15 minutes",
    60: "Last hour",
    8 * 60: "Last 8 hours",
    24 * 60: "Last 24 hours",
}


class LiveQueries:
    """The queries of the live pages, shared by all open tabs."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.parts: SharedQuery[[PartFilter, int], PartList] = SharedQuery(catalogue.parts, CACHE_S)
        self.totals: SharedQuery[[int], TotalsAnswer] = SharedQuery(catalogue.totals, 2 * CACHE_S)
        self.cameras: SharedQuery[[CameraPosition | None, int], CameraList] = SharedQuery(
            catalogue.cameras, 4 * CACHE_S
        )
        self.events: SharedQuery[[int | None, int], EventList] = SharedQuery(catalogue.events, 2 * CACHE_S)
        self.pipelines: SharedQuery[[], tuple[PipelineAnswer, ...]] = SharedQuery(catalogue.pipelines, 4 * CACHE_S)


class LivePage:
    """The live page in one open tab."""

    def __init__(self, questions: LiveQueries, topics: Topics, wanted: PartFilter) -> None:
        self._ask = questions
        self._topics = topics
        self._wanted = wanted
        self._minutes = next(iter(TOTALS_WINDOWS_MINUTES))
        self._paused = False
        self._page = PartList(parts=(), next_before=None)

    async def build(self) -> None:
        with shell("Live", "/") as self._status:
            self._away, self._unknown_cameras = PageNotice("bad"), PageNotice(link=("See the cameras", "/cameras"))
            self._totals = TotalsStrip()
            with ui.element("div").classes("panels") as self._panels:
                self._latency, self._lines = LatencyChart(), LineBars()
            self._build_tools()
            self._sheet = Sheet("Parts")
            self._empty = EmptyList(self._topics)
            self._build_paging()
        await self._refresh()
        ui.timer(REFRESH_S, self._refresh, immediate=False)

    def _build_tools(self) -> None:
        with ui.element("div").classes("tools") as self._tools:
            self._filters = FilterBar(self._wanted, self._choose)
            ui.element("div").classes("space")
            window = ui.select(TOTALS_WINDOWS_MINUTES, value=self._minutes, on_change=self._choose_window)
            window.props('outlined dense options-dense aria-label="Time of the totals"')
            self._pause = ui.button("Pause", icon="pause", on_click=self._toggle_pause)
            self._pause.props("outline no-caps color=primary")

    def _build_paging(self) -> None:
        with ui.element("nav").classes("tools").props('aria-label="Older and newer parts"') as self._paging:
            self._newest = _paging_button("Newest", "first_page", self._to_newest)
            self._newer = _paging_button("Newer", "chevron_left", self._to_newer)
            self._older = _paging_button("Older", "chevron_right", self._to_older)

    async def _refresh(self) -> None:
        try:
            self._show_lines(await self._ask.totals(self._minutes), await self._ask.pipelines())
            self._show_unknown_cameras((await self._ask.cameras(None, CAMERAS_SHOWN)).cameras)
            if not self._paused:
                await self._show_parts(await self._ask.parts(self._wanted, PARTS_PER_PAGE))
        except LedgerError as error:
            self._away.show(f"The database can't be read: {error}. Retrying every second.")
            self._status.show("no data", "away")
        else:
            self._away.show("")
            self._status.show(*self._state())

    def _state(self) -> tuple[str, str]:
        if self._paused:
            return "paused", "paused"
        return ("live", "") if self._is_live else ("older parts", "paused")

    @property
    def _is_live(self) -> bool:
        return self._wanted.before is None and self._wanted.after is None

    def _show_lines(self, totals: TotalsAnswer, pipelines: Sequence[PipelineAnswer]) -> None:
        self._totals.show(totals)
        self._lines.show(totals)
        self._filters.offer({*(each.pipeline.line for each in pipelines), *(each.line for each in totals.counts)})

    def _show_unknown_cameras(self, cameras: Sequence[CameraAnswer]) -> None:
        names = [f"{each.line}/{each.camera}" for each in cameras if not each.known]
        self._unknown_cameras.show(f"Unknown, connect it? {', '.join(names[:5])}" if names else "")

    async def _show_parts(self, page: PartList) -> None:
        self._page = page
        self._sheet.show([part_row(part) for part in page.parts])
        self._latency.show(page.parts)
        self._sheet.set_visibility(bool(page.parts))
        self._newest.set_enabled(not self._is_live)
        self._newer.set_enabled(not self._is_live)
        self._older.set_enabled(page.next_before is not None)
        for each in (self._panels, self._tools, self._paging):
            each.set_visibility(bool(page.parts) or self._wanted != PartFilter())
        if page.parts:
            self._empty.hide()
        else:
            self._empty.explain(self._wanted, await self._ask.pipelines())

    async def _choose(self, wanted: PartFilter) -> None:
        ui.navigate.history.replace(list_address(wanted))
        await self._apply_filter(wanted)

    async def _apply_filter(self, wanted: PartFilter) -> None:
        self._wanted = wanted
        self._set_paused(False)
        await self._refresh()

    async def _choose_window(self, event: Any) -> None:
        self._minutes = event.value
        await self._refresh()

    def _toggle_pause(self) -> None:
        self._set_paused(not self._paused)
        self._status.show(*self._state())

    def _set_paused(self, paused: bool) -> None:
        self._paused = paused
        self._pause.set_text("Resume" if paused else "Pause")
        self._pause.set_icon("play_arrow" if paused else "pause")

    async def _to_newest(self) -> None:
        await self._apply_filter(self._filters.wanted)

    async def _to_older(self) -> None:
        await self._apply_filter(self._filters.wanted._replace(before=self._page.next_before))

    async def _to_newer(self) -> None:
        """Go back by one page. A page that is not full has reached the newest parts."""
        top = self._page.parts[0].number if self._page.parts else 0
        wanted = self._filters.wanted._replace(after=top)
        page = await self._ask.parts(wanted, PARTS_PER_PAGE)
        await self._apply_filter(wanted if len(page.parts) == PARTS_PER_PAGE else self._filters.wanted)


def _paging_button(text: str, icon: str, go: Any) -> Any:
    return ui.button(text, icon=icon, on_click=go).props("flat no-caps color=primary")
