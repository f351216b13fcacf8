"""Stores every version of every line's declaration, when it differs from the one before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert

from inspector.adapters.ledger.database import ledger_errors, open_engine
from inspector.adapters.ledger.reads import newest_versions
from inspector.adapters.ledger.rows import Row
from inspector.adapters.ledger.tables import pipeline_versions
from inspector.domain.pipeline import Pipeline
from inspector.utc import utc_now


class DeclaredVersion(NamedTuple):
    """A declaration to store. `golden` are the sha256 of its golden samples in order.

    `source` is the text of the file with its comments; without one the previous version's stays.
    """

    pipeline: Pipeline
    golden: tuple[str, ...]
    author: str = ""
    source: str = ""


class NewVersion(NamedTuple):
    line: str
    version: int


def store_versions(url: str, declarations: Sequence[DeclaredVersion]) -> list[NewVersion]:
    """Store a new version of every line whose pipeline or golden samples changed, all or none; return the new versions.

    Raises LedgerError if the database can't be written.
    """
    engine = open_engine(url, writes=True)
    try:
        with ledger_errors("the pipelines can't be stored"), engine.begin() as connection:
            newest = {row.line: row for row in connection.execute(newest_versions())}
            changed = [one for one in declarations if not _is_stored(one, newest.get(one.pipeline.line))]
            return [_store(connection, one, newest.get(one.pipeline.line)) for one in changed]
    finally:
        engine.dispose()


def _store(connection: Connection, declaration: DeclaredVersion, newest: Any) -> NewVersion:
    line, version = declaration.pipeline.line, newest.version + 1 if newest else 1
    source = declaration.source or (newest.source if newest else "")
    attributes = {"author": declaration.author, "source": source, "created_at": utc_now()}
    row = {"line": line, "version": version} | _content(declaration) | attributes
    connection.execute(insert(pipeline_versions), row)
    return NewVersion(line, version)


def _is_stored(declaration: DeclaredVersion, newest: Any) -> bool:
    """Compare as text, because the order of defects matters: the model reads them in it."""
    if newest is None:
        return False
    return json.dumps([newest.declaration, newest.golden]) == json.dumps(list(_content(declaration).values()))


def _content(declaration: DeclaredVersion) -> Row:
    return {"declaration": declaration.pipeline.model_dump(mode="json"), "golden": list(declaration.golden)}
