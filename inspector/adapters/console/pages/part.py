"""The page of one part: its picture with the findings, the reason of its verdict, and every vote."""

from __future__ import annotations

from functools import partial
from typing import Any, Final, Literal

from nicegui import ui

from inspector.adapters.console.api.parts import part_address
from inspector.adapters.console.pages.addresses import page_address
from inspector.adapters.console.pages.evidence import show_picture
from inspector.adapters.console.pages.facts import show_facts
from inspector.adapters.console.pages.reasoning import show_findings, show_verdict, show_votes
from inspector.adapters.console.pages.shell import PageNotice, shell, words
from inspector.adapters.console.queries import Catalogue
from inspector.adapters.console.schemas import PartReport
from inspector.domain.part import PartState
from inspector.domain.pipeline import Thresholds
from inspector.domain.report import WordsState
from inspector.errors import LedgerError

REFRESH_S: Final = 0.7
Direction = Literal["newer", "older"]
DIRECTION_KEYS: Final[dict[str, Direction]] = {"ArrowLeft": "newer", "ArrowRight": "older"}


class PartPage:
    """The page of one part in one open tab.

    It refreshes until the model's words are written and the verdict is published.
    """

    def __init__(self, catalogue: Catalogue, result_id: str) -> None:
        self._catalogue = catalogue
        self._result_id = result_id
        self._shown: PartReport | None = None

    async def build(self) -> None:
        part = await self._catalogue.part(self._result_id)
        if part is None:
            _no_such_part(self._result_id)
        else:
            await self._build(part)

    async def _build(self, part: PartReport) -> None:
        self._thresholds = await self._valid_thresholds(part)
        with shell(f"{part.report.verdict.disposition} {_name(part)}", "") as self._status:
            self._away = PageNotice("bad")
            self._build_head(part)
            self._content = ui.element("div").classes("part")
        self._show(part)
        self._timer = ui.timer(REFRESH_S, self._refresh, active=not _is_final(part), immediate=False)

    def _build_head(self, part: PartReport) -> None:
        verdict = part.report.verdict
        with ui.element("div").classes("part-head"):
            words("h1", f"Part {_name(part)}").classes("free-text")
            words("span", f"line {verdict.line} · camera {verdict.camera} · #{part.number}").classes("muted")
            ui.element("div").classes("space")
            _direction_button("Newer", "chevron_left", partial(self._go, part, "newer"))
            _direction_button("Older", "chevron_right", partial(self._go, part, "older"))
            json = ui.button("JSON", icon="data_object").props("outline no-caps dense padding='4px 12px' color=primary")
            json.props(f"type=a href={part_address(verdict.result_id)}")
        ui.keyboard(on_key=partial(self._on_key, part))

    async def _on_key(self, part: PartReport, event: Any) -> None:
        """Go to the newer part on Left, the older one on Right, and the list on Escape."""
        if not event.action.keydown:
            return
        if event.key.name == "Escape":
            ui.navigate.to("/")
        elif event.key.name in DIRECTION_KEYS:
            await self._go(part, DIRECTION_KEYS[event.key.name])

    async def _go(self, part: PartReport, direction: Direction) -> None:
        """Go to the current neighbour: newer parts may have arrived since the page was opened."""
        line = part.report.verdict.line
        try:
            neighbours = await self._catalogue.neighbours(line, part.number)
        except LedgerError as error:
            self._away.show(f"The database can't be read: {error}.")
            return
        target = neighbours.newer if direction == "newer" else neighbours.older
        if target is None:
            ui.notify(f"There is no {direction} part of line {line}", type="info", position="top")
        else:
            ui.navigate.to(page_address(target))

    async def _refresh(self) -> None:
        try:
            part = await self._catalogue.part(self._result_id)
        except LedgerError as error:
            self._away.show(f"The database can't be read: {error}. Retrying every second.")
            return
        self._away.show("")
        if part is not None and part != self._shown:
            self._show(part)
            self._timer.active = not _is_final(part)

    def _show(self, part: PartReport) -> None:
        self._shown = part
        self._status.show(
            "complete" if _is_final(part) else "words are being written", "" if _is_final(part) else "paused"
        )
        self._content.clear()
        with self._content:
            with ui.element("div"):
                show_picture(part)
                show_facts(part)
            with ui.element("div"):
                show_verdict(part, self._thresholds)
                show_findings(part)
                show_votes(part, self._thresholds)

    async def _valid_thresholds(self, part: PartReport) -> Thresholds | None:
        """Return the thresholds that judged this part; None if the line has a newer declaration."""
        stamp = part.report.verdict.pipeline
        pipelines = await self._catalogue.pipelines()
        same = (each for each in pipelines if (each.pipeline.line, each.version) == (stamp.line, stamp.version))
        return next((each.pipeline.thresholds for each in same), None)


def _no_such_part(result_id: str) -> None:
    ui.context.client.status_code = 404
    with shell("No such part", ""), ui.element("section").classes("card empty"):
        ui.icon("search_off").props("aria-hidden=true")
        words("h2", "There is no part with this id")
        words("code", result_id[:128])
        ui.link("Show the newest parts", "/")


def _direction_button(text: str, icon: str, go: Any) -> None:
    ui.button(text, icon=icon, on_click=go).props("flat no-caps dense padding='4px 8px' color=primary")


def _name(part: PartReport) -> str:
    return part.report.part_id or part.report.verdict.trigger_id


def _is_final(part: PartReport) -> bool:
    return part.state is not PartState.DECIDED and part.report.words_state is not WordsState.PENDING
