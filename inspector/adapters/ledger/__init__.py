"""The door to the database and to the pictures: every part with its votes, words and messages, kept for good
(`ports.Ledger`, `ports.Archive`, `ports.EvidenceStore`).

Knows SQLAlchemy, alembic and fsspec; nothing of lines, models or brokers.
"""

from inspector.adapters.ledger.archive import SqlArchive
from inspector.adapters.ledger.backup_read import TableCopy, let_go, snapshot
from inspector.adapters.ledger.backup_write import require_room, restore_tables
from inspector.adapters.ledger.database import shown
from inspector.adapters.ledger.evidence import FileEvidence
from inspector.adapters.ledger.ledger import SqlLedger
from inspector.adapters.ledger.measure import LedgerSpeed, measure_ledger
from inspector.adapters.ledger.schema import SchemaState, schema_state, upgrade
from inspector.adapters.ledger.versions import Declaration, NewVersion, store_versions

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
