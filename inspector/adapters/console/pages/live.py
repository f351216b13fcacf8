"""The live page: newest parts as they are decided, filters, paging into the past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from nicegui import ui

from inspector.adapters.console.pages.addresses import list_address
from inspector.adapters.console.pages.empty import EmptyList
from inspector.adapters.console.pages.filters import FilterBar
from inspector.adapters.console.pages.panels import LatencyChart, LineBars, TotalsStrip
from inspector.adapters.console.pages.rows import part_row
from inspector.adapters.console.pages.shared import Shared
from inspector.adapters.console.pages.sheet import Sheet
from inspector.adapters.console.pages.shell import Notice, shell
from inspector.adapters.console.queries import Catalogue
from inspector.adapters.console.schemas import CameraAnswer, EventAnswer, PartPage, PipelineAnswer, TotalsAnswer
from inspector.errors import LedgerError
from inspector.messages.topics import Topics
from inspector.ports.archive import PartFilter

REFRESH_S: Final = 0.7
KEEP_S: Final = 0.5
SHOWN: Final = 60
WINDOWS: Final = {15: "Last 15 minutes", 60: "Last hour", 8 * 60: "Last 8 hours", 24 * 60: "Last 24 hours"}


class Questions:
    """What the live pages ask, shared by all open tabs."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.parts: Shared[[PartFilter, int], PartPage] = Shared(catalogue.parts, KEEP_S)
        self.totals: Shared[[int], TotalsAnswer] = Shared(catalogue.totals, 2 * KEEP_S)
        self.cameras: Shared[[], tuple[CameraAnswer, ...]] = Shared(catalogue.cameras, 4 * KEEP_S)
        self.events: Shared[[int], tuple[EventAnswer, ...]] = Shared(catalogue.events, 2 * KEEP_S)
        self.pipelines: Shared[[], tuple[PipelineAnswer, ...]] = Shared(catalogue.pipelines, 4 * KEEP_S)


class LivePage:
    """One open tab."""

    def __init__(self, questions: Questions, topics: Topics, wanted: PartFilter) -> None:
        self._ask = questions
        self._topics = topics
        self._wanted = wanted
        self._minutes = next(iter(WINDOWS))
        self._paused = False
        self._page = PartPage(parts=(), next_before=None)

    async def build(self) -> None:
        with shell("Live", "/") as self._pulse:
            self._away, self._strangers = Notice("bad"), Notice(way=("See the cameras", "/cameras"))
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
            window = ui.select(WINDOWS, value=self._minutes, on_change=self._choose_window)
            window.props('outlined dense options-dense aria-label="Time of the totals"')
            self._pause = ui.button("Pause", icon="pause", on_click=self._toggle_pause)
            self._pause.props("outline no-caps color=primary")

    def _build_paging(self) -> None:
        with ui.element("nav").classes("tools").props('aria-label="Older and newer parts"') as self._ways:
            self._newest = _way("Newest", "first_page", self._to_newest)
            self._newer = _way("Newer", "chevron_left", self._to_newer)
            self._older = _way("Older", "chevron_right", self._to_older)

    async def _refresh(self) -> None:
        try:
            self._show_lines(await self._ask.totals(self._minutes), await self._ask.pipelines())
            self._show_strangers(await self._ask.cameras())
            if not self._paused:
                await self._show_parts(await self._ask.parts(self._wanted, SHOWN))
        except LedgerError as error:
            self._away.say(f"The database can't be read: {error}. Asking again every second.")
            self._pulse.beat("no data", "away")
        else:
            self._away.say("")
            self._pulse.beat(*self._state())

    def _state(self) -> tuple[str, str]:
        if self._paused:
            return "paused", "paused"
        return ("live", "") if self._is_live else ("looking back", "paused")

    @property
    def _is_live(self) -> bool:
        return self._wanted.before is None and self._wanted.after is None

    def _show_lines(self, totals: TotalsAnswer, pipelines: Sequence[PipelineAnswer]) -> None:
        self._totals.show(totals)
        self._lines.show(totals)
        self._filters.offer({*(each.pipeline.line for each in pipelines), *(each.line for each in totals.counts)})

    def _show_strangers(self, cameras: Sequence[CameraAnswer]) -> None:
        names = [f"{each.line}/{each.camera}" for each in cameras if not each.known]
        self._strangers.say(f"Unknown, connect it? {', '.join(names[:5])}" if names else "")

    async def _show_parts(self, page: PartPage) -> None:
        self._page = page
        self._sheet.show([part_row(part) for part in page.parts])
        self._latency.show(page.parts)
        self._sheet.set_visibility(bool(page.parts))
        self._newest.set_enabled(not self._is_live)
        self._newer.set_enabled(not self._is_live)
        self._older.set_enabled(page.next_before is not None)
        for each in (self._panels, self._tools, self._ways):
            each.set_visibility(bool(page.parts) or self._wanted != PartFilter())
        if page.parts:
            self._empty.hide()
        else:
            self._empty.explain(self._wanted, await self._ask.pipelines())

    async def _choose(self, wanted: PartFilter) -> None:
        ui.navigate.history.replace(list_address(wanted))
        await self._look_at(wanted)

    async def _look_at(self, wanted: PartFilter) -> None:
        self._wanted = wanted
        self._set_paused(False)
        await self._refresh()

    async def _choose_window(self, event: Any) -> None:
        self._minutes = event.value
        await self._refresh()

    def _toggle_pause(self) -> None:
        self._set_paused(not self._paused)
        self._pulse.beat(*self._state())

    def _set_paused(self, paused: bool) -> None:
        self._paused = paused
        self._pause.set_text("Resume" if paused else "Pause")
        self._pause.set_icon("play_arrow" if paused else "pause")

    async def _to_newest(self) -> None:
        await self._look_at(self._filters.wanted)

    async def _to_older(self) -> None:
        await self._look_at(self._filters.wanted._replace(before=self._page.next_before))

    async def _to_newer(self) -> None:
        """Back by one page; a page that is not full has reached the newest parts."""
        top = self._page.parts[0].number if self._page.parts else 0
        wanted = self._filters.wanted._replace(after=top)
        page = await self._ask.parts(wanted, SHOWN)
        await self._look_at(wanted if len(page.parts) == SHOWN else self._filters.wanted)


def _way(text: str, icon: str, go: Any) -> Any:
    return ui.button(text, icon=icon, on_click=go).props("flat no-caps color=primary")
