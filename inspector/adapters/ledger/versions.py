"""Stores every version of every line's declaration, when it differs from the one before. Reads them with their history.

A version is stored only on top of the version that it was made from: of two people who edit the same one, the second is
refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, func, insert, select

from inspector.adapters.ledger.audit import append_audit
from inspector.adapters.ledger.camera_rights import end_rights_of_new_cameras, still_qualified
from inspector.adapters.ledger.database import ledger_errors, open_engine
from inspector.adapters.ledger.declarations import pipeline_of
from inspector.adapters.ledger.qualification import store_qualification
from inspector.adapters.ledger.reads import newest_versions
from inspector.adapters.ledger.rows import Row
from inspector.adapters.ledger.tables import pipeline_versions
from inspector.adapters.ledger.version_lock import challenged, wait_for_others
from inspector.domain.line_version import VersionOrigin
from inspector.domain.pipeline import Pipeline
from inspector.errors import ConflictError, InspectorError
from inspector.ports.access import AuditEntry
from inspector.ports.lines import DeclaredVersion, LineVersion, NewVersion
from inspector.utc import utc_now


def store_versions(url: str, declarations: Sequence[DeclaredVersion]) -> list[NewVersion]:
    """Store a new version of every line whose pipeline or golden samples changed, all or none; return the new versions.

    Raises ConflictError if the newest version of a changed line is not its declaration's parent, and LedgerError if the
    database can't be written.
    """
    engine = open_engine(url, writes=True)
    try:
        with ledger_errors("the pipelines can't be stored"), engine.begin() as connection:
            return store_declared(connection, declarations)
    finally:
        engine.dispose()


def store_declared(connection: Connection, declarations: Sequence[DeclaredVersion]) -> list[NewVersion]:
    """Do the same inside the transaction of a connection."""
    wait_for_others(connection)
    newest = {row.line: row for row in connection.execute(newest_versions())}
    changed = [one for one in declarations if not _is_stored(one, newest.get(one.pipeline.line))]
    return [_store(connection, one, newest.get(one.pipeline.line)) for one in changed]


def newest_version(connection: Connection, line: str) -> int | None:
    """Return the number of a line's newest version; None for an unknown line."""
    return connection.scalar(select(func.max(pipeline_versions.c.version)).where(pipeline_versions.c.line == line))


def versions_of(connection: Connection, line: str) -> list[LineVersion]:
    """Return all versions of a line, oldest first."""
    every = select(pipeline_versions).where(pipeline_versions.c.line == line).order_by(pipeline_versions.c.version)
    return [_version(row) for row in connection.execute(every)]


def _store(connection: Connection, declaration: DeclaredVersion, newest: Any) -> NewVersion:
    line, version = declaration.pipeline.line, newest.version + 1 if newest else 1
    _require_parent(declaration, newest)
    _require_unchallenged(connection, declaration)
    source = declaration.source or (newest.source if newest else "")
    how = {"parent": declaration.parent, "reason": declaration.reason, "origin": declaration.origin}
    attributes = {"author": declaration.author, "source": source, "created_at": utc_now()}
    row = {"line": line, "version": version} | _content(declaration) | attributes | how
    connection.execute(insert(pipeline_versions), row)
    append_audit(connection, _entry(row))
    end_rights_of_new_cameras(connection, declaration, newest, row["created_at"])
    for proof in declaration.proofs:
        if qualified := still_qualified(connection, proof):
            store_qualification(connection, qualified)
    return NewVersion(line, version)


def _entry(row: Row) -> AuditEntry:
    """Describe a new version. The digests bind the entry to the declaration without repeating it."""
    digest = hashlib.sha256(json.dumps(row["declaration"]).encode()).hexdigest()
    detail = {name: row[name] for name in ("version", "parent", "origin", "reason", "golden")}
    subject = f"{row['line']}/{row['version']}"
    at, line = row["created_at"], row["line"]
    return AuditEntry(row["author"], "version.add", subject, detail | {"declaration_sha256": digest}, at, line)


def _require_parent(declaration: DeclaredVersion, newest: Any) -> None:
    if declaration.parent == (newest.version if newest else None):
        return
    line, base = declaration.pipeline.line, declaration.parent
    now = f"version {newest.version} by {newest.author or 'unknown'} is live" if newest else "the line has no version"
    basis = f"version {base}" if base else "no version"
    raise ConflictError(f"{line}: this change is based on {basis}, but {now}: nothing is stored; look at it and repeat")


def _require_unchallenged(connection: Connection, declaration: DeclaredVersion) -> None:
    """Raise InspectorError where a golden sample is a challenge part: its model would be shown what proves the line.

    Commands say so earlier and better; here nobody comes between the question and the change.
    """
    line = declaration.pipeline.line
    if numbers := challenged(connection, line, declaration.golden):
        listed = " ".join(map(str, numbers))
        raise InspectorError(
            f"{line}: challenge part(s) {listed} would be golden samples too, which the model is shown; run first: "
            f"inspector challenge remove {line} {listed}"
        )


def _is_stored(declaration: DeclaredVersion, newest: Any) -> bool:
    """Compare as text, because the order of defects matters: the model reads them in it."""
    if newest is None:
        return False
    return json.dumps([newest.declaration, newest.golden]) == json.dumps(list(_content(declaration).values()))


def _content(declaration: DeclaredVersion) -> Row:
    return {"declaration": declaration.pipeline.model_dump(mode="json"), "golden": list(declaration.golden)}


def _version(row: Any) -> LineVersion:
    return LineVersion(
        line=row.line,
        version=row.version,
        declaration=_readable(row.declaration),
        golden=tuple(row.golden),
        parent=row.parent,
        author=row.author,
        reason=row.reason,
        origin=VersionOrigin(row.origin),
        created_at=row.created_at,
        source=row.source,
    )


def _readable(declaration: Any) -> Pipeline | None:
    try:
        return pipeline_of(declaration)
    except ValidationError:
        return None
