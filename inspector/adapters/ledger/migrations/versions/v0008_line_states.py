"""States of lines, rights to pass, and what a part's judgement said on its own.

Lines that are in use stay LIVE by an override, so that an upgrade stops no plant. It covers the fingerprint of the
line's newest judged part and the live policy, and ends after OVERRIDE_DAYS.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from pydantic import ValidationError

from inspector.adapters.ledger.declarations import pipeline_of

revision = "0008"
down_revision = "0007"

OVERRIDE_DAYS: Final = 30
OVERRIDE_REASON: Final = "in use before qualification"
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _line_states()
    _pass_rights()
    _outcomes()
    _keep_lines_live(op.get_bind())


def _line_states() -> None:
    op.create_table(
        "line_states",
        _column("number", NUMBER, primary_key=True),
        _column("line", sa.String()),
        _column("state", sa.String()),
        _column("reason", sa.JSON()),
        _column("author", sa.String()),
        _column("at", TIME),
    )
    op.create_index("ix_line_states_line", "line_states", ["line"])


def _pass_rights() -> None:
    op.create_table(
        "pass_rights",
        _column("number", NUMBER, primary_key=True),
        *(_column(name, sa.String()) for name in ("line", "fingerprint", "policy", "origin")),
        _column("until", TIME, nullable=True),
        _column("reason", sa.JSON()),
        _column("author", sa.String()),
        _column("at", TIME),
        _column("revoked_at", TIME, nullable=True),
    )
    op.create_index("ix_pass_rights_line", "pass_rights", ["line"])


def _outcomes() -> None:
    for name, value in (("line_state", "LIVE"), ("would_be_verdict", ""), ("would_be_disposition", "")):
        op.add_column("parts", sa.Column(name, sa.String(), nullable=False, server_default=value))
    op.execute("UPDATE parts SET would_be_verdict = verdict, would_be_disposition = disposition")


def _keep_lines_live(connection: sa.Connection) -> None:
    known = sa.MetaData()
    known.reflect(connection, only=["line_states", "pass_rights", "parts", "pipeline_versions"])
    now = datetime.now(UTC)
    given = {"reason": OVERRIDE_REASON, "author": "upgrade", "at": now}
    for line, policy in _live_policies(connection, known.tables["pipeline_versions"]):
        state = known.tables["line_states"].insert().values(line=line, state="LIVE", **given)
        connection.execute(state)
        if fingerprint := _newest_fingerprint(connection, known.tables["parts"], line):
            right = {"line": line, "fingerprint": fingerprint, "policy": policy, "origin": "OVERRIDE", **given}
            until = now + timedelta(days=OVERRIDE_DAYS)
            connection.execute(known.tables["pass_rights"].insert().values(until=until, **right))


def _live_policies(connection: sa.Connection, versions: sa.Table[Any]) -> Iterator[tuple[str, str]]:
    """Yield each line with the policy of its newest version; "" for one that was stored under another grammar."""
    rows = connection.execute(sa.select(versions).order_by(versions.c.line, versions.c.version)).mappings().all()
    for row in {row["line"]: row for row in rows}.values():
        try:
            yield row["line"], pipeline_of(row["declaration"]).policy_fingerprint()
        except ValidationError:
            yield row["line"], ""


def _newest_fingerprint(connection: sa.Connection, parts: sa.Table[Any], line: str) -> str | None:
    judged = sa.select(parts.c.fingerprint).where(parts.c.line == line, parts.c.vote_count > 0)
    return connection.scalar(judged.order_by(parts.c.number.desc()).limit(1))


def _column(name: str, kind: Any, *, nullable: bool = False, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable, **options)
