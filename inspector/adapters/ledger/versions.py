"""Keeps every version of every line's declaration. Knows when a declaration differs from the one before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert

from inspector.adapters.ledger.database import open_engine, translated
from inspector.adapters.ledger.reads import newest_versions
from inspector.adapters.ledger.rows import Row
from inspector.adapters.ledger.tables import pipeline_versions
from inspector.domain.pipeline import Pipeline
from inspector.utc import utc_now


class Declaration(NamedTuple):
    """What is to be kept. `golden` are the sha256 of the golden samples, in declared order; `source` is the text
    of the file, comments included; left out, that of the version before stays."""

    pipeline: Pipeline
    golden: tuple[str, ...]
    author: str = ""
    source: str = ""


class NewVersion(NamedTuple):
    line: str
    version: int


def store_versions(url: str, declarations: Sequence[Declaration]) -> list[NewVersion]:
    """Makes a new version of every line whose pipeline or golden samples changed, and returns those; all or none.

    Raises LedgerError when the database can't be written.
    """
    engine = open_engine(url, writes=True)
    try:
        with translated("the pipelines can't be stored"), engine.begin() as connection:
            newest = {row.line: row for row in connection.execute(newest_versions())}
            changed = [one for one in declarations if not _is_stored(one, newest.get(one.pipeline.line))]
            return [_store(connection, one, newest.get(one.pipeline.line)) for one in changed]
    finally:
        engine.dispose()


def _store(connection: Connection, declaration: Declaration, newest: Any) -> NewVersion:
    line, version = declaration.pipeline.line, newest.version + 1 if newest else 1
    source = declaration.source or (newest.source if newest else "")
    said = {"author": declaration.author, "source": source, "created_at": utc_now()}
    row = {"line": line, "version": version} | _content(declaration) | said
    connection.execute(insert(pipeline_versions), row)
    return NewVersion(line, version)


def _is_stored(declaration: Declaration, newest: Any) -> bool:
    """Compared as text, because the order of defects matters: it is the order in which the model reads them."""
    if newest is None:
        return False
    return json.dumps([newest.declaration, newest.golden]) == json.dumps(list(_content(declaration).values()))


def _content(declaration: Declaration) -> Row:
    return {"declaration": declaration.pipeline.model_dump(mode="json"), "golden": list(declaration.golden)}
