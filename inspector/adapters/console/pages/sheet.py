"""A table that stays current: Python provides the rows, and `sheets.js` draws them.

NiceGUI's own table redraws its custom rows whenever anything on the page changes. A list that updates every second
would lose clicks, focus and pictures.
"""

from __future__ import annotations

from typing import Any, Literal

from nicegui import ui


class Sheet(ui.element, component="../assets/sheets.js"):  # type: ignore[misc, call-arg]  # its types are not read
    """A table that starts empty, and sends its rows only when they have changed."""

    def __init__(self, name: Literal["Parts", "Votes", "Cameras", "Events"]) -> None:
        super().__init__()
        self._props |= {"name": name, "rows": [], "aria-label": name, "data-testid": name.lower()}

    def show(self, rows: list[dict[str, Any]]) -> None:
        if rows != self._props["rows"]:
            self._props["rows"] = rows
            self.update()
