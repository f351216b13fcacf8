"""Show lines and their states, and change a state."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

from inspector.adapters.ledger import SqlArchive, SqlLineStore
from inspector.bootstrap.from_settings import card_of
from inspector.domain.pipeline import line_fingerprint
from inspector.lines.states import LineStates, LineView, OverrideRequest
from inspector.settings import Settings

DRILL_REASON: Final = "drill"
DRILL_DAYS: Final = 1.0


@contextmanager
def line_states(settings: Settings) -> Iterator[LineStates]:
    """Yield the states of this installation's lines. Raises LedgerError."""
    with closing(SqlArchive(settings.database)) as archive:
        yield LineStates(archive, SqlLineStore(settings.database))


def override_of(settings: Settings, states: LineStates, line: str, days: float) -> OverrideRequest:
    """Return the request for an override under the fingerprint that judges the line now.

    That is the newest parts' fingerprint. Where no part was judged yet, it is worked out from the model card. Raises
    ModelError where the model can't be found or its server can't be reached.
    """
    version = states.version(line)
    fingerprint = states.archive.fingerprint(line)
    if fingerprint is None:
        from inspector.adapters.vlm import model_fingerprint

        model = model_fingerprint(card_of(settings), settings.model.parent)
        fingerprint = line_fingerprint(version.pipeline.settings_fingerprint(), model, version.golden)
    return OverrideRequest(fingerprint, days)


def set_all_live_for_drill(settings: Settings) -> None:
    """Let every line of a demo or benchmark pass parts for a day, by an override that everybody sees."""
    with line_states(settings) as states:
        for view in states.views():
            override = override_of(settings, states, view.line, DRILL_DAYS)
            states.go_live(view.line, user_name(), DRILL_REASON, override)


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
        "right": right
        and {
            "origin": right.origin,
            "fingerprint": right.fingerprint,
            "policy": right.policy,
            "until": right.until,
            "reason": right.reason,
        },
    }
