"""A table that keeps itself current: Python gives rows, `sheets.js` draws them.

NiceGUI's own table draws its custom rows anew whenever anything on the page changes; a list that moves every
second would lose clicks, focus and pictures that way.
"""

from __future__ import annotations

from typing import Any, Literal

from nicegui import ui


class Sheet(ui.element, component="../assets/sheets.js"):  # type: ignore[misc, call-arg]  # its types are not read
    """Starts empty; sends its rows only when they have changed."""

    def __init__(self, name: Literal["Parts", "Votes", "Cameras", "Events"]) -> None:
        super().__init__()
        self._props |= {"name": name, "rows": [], "aria-label": name, "data-testid": name.lower()}

    def show(self, rows: list[dict[str, Any]]) -> None:
        if rows != self._props["rows"]:
            self._props["rows"] = rows
            self.update()
