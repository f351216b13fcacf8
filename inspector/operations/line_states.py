"""Show lines and their states, and change a state."""

from __future__ import annotations

import getpass
from collections.abc import Container, Iterator
from contextlib import closing, contextmanager
from typing import Any

from inspector.adapters.ledger import SqlArchive, SqlLineStore
from inspector.lines.states import LineStates, LineView
from inspector.settings import Settings


@contextmanager
def line_states(settings: Settings) -> Iterator[LineStates]:
    """Yield the states of this installation's lines. Raises LedgerError."""
    with closing(SqlArchive(settings.database)) as archive:
        yield LineStates(archive, SqlLineStore(settings.database))


def scrap_warnings(settings: Settings, lines: Container[str] | None = None) -> list[str]:
    """Return what to do about lines, of all or of these, of which every part gets REJECT."""
    with line_states(settings) as states:
        views = states.views()
    return [each.scrap_warning for each in views if each.scrap_warning and (lines is None or each.line in lines)]


def user_name() -> str:
    """Return the name under which a command's changes are recorded."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"


def as_json(view: LineView) -> dict[str, Any]:
    right = view.right
    return {
        "line": view.line,
        "version": view.version.version,
        "set_state": view.version.status.state,
        "state": view.state,
        "objection": view.objection,
        "cameras": [{"camera": each.camera, "state": each.state, "objection": each.objection} for each in view.cameras],
        "right": right
        and {
            "origin": right.origin,
            "fingerprint": right.fingerprint,
            "policy": right.policy,
            "cameras": list(right.cameras),
            "until": right.until,
            "reason": right.reason,
        },
    }
