"""Stores a line's version together with the pictures of the reviewed parts that it remembers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from inspector.adapters.ledger.database import ledger_errors, open_engine, upsert, value_pages
from inspector.adapters.ledger.tables import remembered_pictures
from inspector.adapters.ledger.versions import store_declared
from inspector.ports.lines import DeclaredVersion, NewVersion


def store_remembering(url: str, declared: DeclaredVersion, pictures: Sequence[str]) -> NewVersion | None:
    """Store the version, and keep its memory's pictures from then on; None where the line remembers them already.

    Raises ConflictError if the line's newest version is not the declaration's parent, and LedgerError if the database
    can't be written.
    """
    engine = open_engine(url, writes=True)
    try:
        with ledger_errors("the memory can't be stored"), engine.begin() as connection:
            new = store_declared(connection, [declared])
            _keep(connection, declared.pipeline.similar_parts or "", sorted(set(pictures)))
            return new[0] if new else None
    finally:
        engine.dispose()


def _keep(connection: Connection, memory: str, pictures: Sequence[str]) -> None:
    for some in value_pages(pictures):
        rows = [{"memory": memory, "sha256": sha256} for sha256 in some]
        connection.execute(upsert(connection, remembered_pictures).values(rows).on_conflict_do_nothing())
