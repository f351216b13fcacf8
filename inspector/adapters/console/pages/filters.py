"""The row of filters above the list. It holds the user's filter and makes no queries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from nicegui import ui

from inspector.adapters.console.pages.addresses import read_filter
from inspector.adapters.console.pages.looks import DISPOSITIONS
from inspector.adapters.console.pages.phrases import REASONS
from inspector.ports.archive import PartFilter

ANY_LINE: Final = {"": "All lines"}
ANY_DISPOSITION: Final = {"": "All", **{str(each): str(each) for each in DISPOSITIONS}}
ANY_REASON: Final = {"": "Any reason", **{str(each): text for each, text in REASONS.items()}}


class FilterBar:
    """Selects line, disposition and reason; calls `changed` with each new filter."""

    def __init__(self, wanted: PartFilter, changed: Callable[[PartFilter], Awaitable[None]]) -> None:
        self._changed = changed
        self._line = ui.select(ANY_LINE | _named([wanted.line]), value=wanted.line or "", on_change=self._notify)
        self._disposition = ui.toggle(ANY_DISPOSITION, value=wanted.disposition or "", on_change=self._notify)
        self._reason = ui.select(ANY_REASON, value=wanted.reason or "", on_change=self._notify)
        self._line.props('outlined dense options-dense aria-label="Line" data-testid=line')
        self._disposition.props(
            'unelevated dense no-caps toggle-color=primary padding="4px 12px" aria-label="Disposition"'
        )
        self._reason.props('outlined dense options-dense aria-label="Reason" data-testid=reason')

    @property
    def wanted(self) -> PartFilter:
        return read_filter(self._line.value or "", self._disposition.value or "", self._reason.value or "")

    def offer(self, lines: Iterable[str]) -> None:
        """Add lines to choose from."""
        options = ANY_LINE | _named(sorted({*self._line.options, *lines} - {""}))
        if options != self._line.options:
            self._line.set_options(options)

    async def _notify(self, _: Any) -> None:
        await self._changed(self.wanted)


def _named(lines: Iterable[str | None]) -> dict[str, str]:
    return {line: line for line in lines if line}
