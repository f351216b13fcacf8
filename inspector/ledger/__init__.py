"""The door to the database and to the pictures: every part with its votes, words and messages, kept for good
(`ports.Ledger`, `ports.Archive`, `ports.EvidenceStore`).

Knows SQLAlchemy, alembic and fsspec; nothing of lines, models or brokers.
"""

from inspector.ledger.archive import SqlArchive
from inspector.ledger.database import shown
from inspector.ledger.evidence import FileEvidence
from inspector.ledger.ledger import SqlLedger
from inspector.ledger.measure import LedgerSpeed, measure_ledger
from inspector.ledger.refill import require_room, restore_tables
from inspector.ledger.schema import SchemaState, schema_state, upgrade
from inspector.ledger.snapshot import TableCopy, let_go, snapshot
from inspector.ledger.versions import Declaration, NewVersion, store_versions

__all__ = [
    "Declaration",
    "FileEvidence",
    "LedgerSpeed",
    "NewVersion",
    "SchemaState",
    "SqlArchive",
    "SqlLedger",
    "TableCopy",
    "let_go",
    "measure_ledger",
    "require_room",
    "restore_tables",
    "schema_state",
    "shown",
    "snapshot",
    "store_versions",
    "upgrade",
]
