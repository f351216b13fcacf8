"""Runs the steps on the connection that schema.py opened, inside its transaction."""

from __future__ import annotations

from alembic import context

from inspector.adapters.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters tables only by copying them
)
context.run_migrations()
