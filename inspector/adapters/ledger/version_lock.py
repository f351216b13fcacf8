"""What changes of a line's versions and of its challenge set keep apart: one at a time, and no picture in both."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, text

from inspector.adapters.ledger.tables import challenge_parts, is_in_challenge_set, pipeline_versions


def wait_for_others(connection: Connection) -> None:
    """Let one process at a time compare and store. SQLite's transactions that write do so by themselves."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE pipeline_versions IN SHARE ROW EXCLUSIVE MODE"))


def newest_golden(connection: Connection, line: str) -> list[str]:
    """Return the sha256 of the golden samples of a line's newest version; none for an unknown line."""
    golden = select(pipeline_versions.c.golden).where(pipeline_versions.c.line == line)
    return list(connection.scalar(golden.order_by(pipeline_versions.c.version.desc()).limit(1)) or ())


def challenged(connection: Connection, line: str, golden: Sequence[str]) -> list[int]:
    """Return the numbers of the line's challenge parts that show one of these golden samples."""
    held = select(challenge_parts.c.number, challenge_parts.c.sha256).where(challenge_parts.c.line == line)
    rows = connection.execute(held.where(is_in_challenge_set).order_by(challenge_parts.c.number))
    shown = set(golden)
    return [row.number for row in rows if row.sha256 in shown]
