"""People, their logins, the tokens of programs, and the audit, whose rows are only added."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
REFUSAL: Final = "entries of the audit are never changed or removed"
APPEND_ONLY: Final = {
    "sqlite": (
        f"CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
        f"CREATE TRIGGER audit_complete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$",
        "CREATE TRIGGER audit_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()",
    ),
}


def upgrade() -> None:
    _users()
    _sessions()
    _tokens()
    _audit()


def _users() -> None:
    op.create_table(
        "users",
        _column("number", NUMBER, primary_key=True),
        *(_column(name, sa.String()) for name in ("name", "password", "author")),
        _column("roles", sa.JSON()),
        _column("created_at", TIME),
        _column("disabled_at", TIME, nullable=True),
        sa.UniqueConstraint("name", name="uq_users_name"),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        _column("session_id", sa.String(), primary_key=True),
        _column("secret", sa.String()),
        _column("user", NUMBER, sa.ForeignKey("users.number", name="fk_sessions_user_users")),
        _column("address", sa.String()),
        _column("program", sa.JSON()),
        *(_column(name, TIME) for name in ("created_at", "seen_at", "ends_at")),
        sa.UniqueConstraint("secret", name="uq_sessions_secret"),
    )
    op.create_index("ix_sessions_user", "sessions", ["user"])


def _tokens() -> None:
    op.create_table(
        "tokens",
        _column("token_id", sa.String(), primary_key=True),
        *(_column(name, sa.String()) for name in ("name", "secret", "author")),
        _column("roles", sa.JSON()),
        _column("owner", NUMBER, sa.ForeignKey("users.number", name="fk_tokens_owner_users"), nullable=True),
        _column("created_at", TIME),
        _column("expires_at", TIME),
        _column("revoked_at", TIME, nullable=True),
        sa.UniqueConstraint("secret", name="uq_tokens_secret"),
    )
    op.create_index("ix_tokens_owner", "tokens", ["owner"])


def _audit() -> None:
    op.create_table(
        "audit",
        _column("number", NUMBER, primary_key=True),
        *(_column(name, sa.String()) for name in ("actor", "action", "subject")),
        _column("line", sa.String(), nullable=True),
        _column("detail", sa.JSON()),
        _column("at", TIME),
        sqlite_autoincrement=True,
    )
    for name in ("line", "actor", "action", "subject"):
        op.create_index(f"ix_audit_{name}_number", "audit", [name, "number"])
    op.create_table(
        "audit_seals",
        _column("position", NUMBER, primary_key=True, autoincrement=False),
        _column("entry", NUMBER, sa.ForeignKey("audit.number", name="fk_audit_seals_entry_audit")),
        _column("seal", sa.String()),
        sa.UniqueConstraint("entry", name="uq_audit_seals_entry"),
    )
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def _column(name: str, kind: Any, *constraints: Any, nullable: bool = False, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, *constraints, nullable=nullable, **options)
