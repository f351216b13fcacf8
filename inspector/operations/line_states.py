"""Show lines and their states, and change a state."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from inspector.adapters.ledger import SqlArchive, SqlLineStore
from inspector.bootstrap.from_settings import card_of
from inspector.domain.pipeline import line_fingerprint
from inspector.lines.states import LineStates, LineView, OverrideRequest
from inspector.ports.ledger import PipelineVersion
from inspector.settings import Settings


@contextmanager
def line_states(settings: Settings) -> Iterator[LineStates]:
    """Yield the states of this installation's lines. Raises LedgerError."""
    with closing(SqlArchive(settings.database)) as archive:
        yield LineStates(archive, SqlLineStore(settings.database))


def override_of(settings: Settings, states: LineStates, line: str, days: float) -> OverrideRequest:
    """Return the request for an override under the fingerprints that judge the line's cameras now.

    Those are the newest parts' fingerprints. Where no part was judged yet, they are worked out from the model card.
    Raises ModelError where the model can't be found or its server can't be reached.
    """
    version = states.version(line)
    known = {camera: states.archive.fingerprint(line, camera) for camera in version.pipeline.cameras}
    declared = {} if all(known.values()) else declared_fingerprints(card_model_fingerprint(settings), version)
    return OverrideRequest({camera: each or declared[camera] for camera, each in known.items()}, days)


def card_model_fingerprint(settings: Settings) -> str:
    """Return the fingerprint of the card's model: hashes its checkpoint, or asks its server. Raises ModelError."""
    from inspector.adapters.vlm import model_fingerprint

    return model_fingerprint(card_of(settings), settings.model.parent)


def declared_fingerprints(model: str, version: PipelineVersion) -> dict[str, str]:
    """Return the fingerprint of each camera's parts under the model of this fingerprint."""
    pipeline = version.pipeline
    return {
        camera: line_fingerprint(pipeline.settings_fingerprint(camera), model, version.golden)
        for camera in pipeline.cameras
    }


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
