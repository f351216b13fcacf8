"""Reads which cameras are paused by themselves."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from inspector.adapters.ledger.tables import camera_states


def paused_cameras(connection: Connection) -> dict[str, frozenset[str]]:
    """Return the paused cameras of each line that has some."""
    every = camera_states.c
    newest = select(func.max(every.number)).group_by(every.line, every.camera)
    rows = connection.execute(select(every.line, every.camera).where(every.number.in_(newest), every.is_paused))
    paused: dict[str, frozenset[str]] = {}
    for line, camera in rows:
        paused[line] = paused.get(line, frozenset()) | {camera}
    return paused
