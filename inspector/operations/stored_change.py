"""The outcome of a change of a line by a command: its new version, its effect and the line's state afterwards."""

from __future__ import annotations

from typing import Any, NamedTuple

from inspector.lines.change_effect import ChangeEffect
from inspector.lines.states import LineView


class StoredChange(NamedTuple):
    """The new version, None where nothing was stored, its effect, and the line's state afterwards."""

    version: int | None
    effect: ChangeEffect
    view: LineView

    def as_json(self) -> dict[str, Any]:
        price, right = self.effect
        return {
            "new_version": self.version,
            "right": right and right.as_json(),
            "state": self.view.state,
            "objection": self.view.objection,
            "price": price.as_json(),
        }
