"""Database and pictures: every part with its votes, report and messages (`ports.Ledger`, `ports.Archive`,
`ports.EvidenceStore`).

Imported by `bootstrap` and `operations`. Knows SQLAlchemy, alembic and fsspec; never lines, models or brokers.
"""

from inspector.adapters.ledger.answer_journal import FileAnswerJournal
from inspector.adapters.ledger.archive import SqlArchive
from inspector.adapters.ledger.audit_store import SqlAuditStore
from inspector.adapters.ledger.backup.restore import require_empty, restore_tables
from inspector.adapters.ledger.backup.snapshot import TableCopy, open_snapshot, removed_pictures
from inspector.adapters.ledger.camera_changes import SqlCameraChangeStore
from inspector.adapters.ledger.challenge import SqlChallengeStore
from inspector.adapters.ledger.database import masked_url
from inspector.adapters.ledger.drafts import SqlDraftStore
from inspector.adapters.ledger.event_list import SqlEventStore
from inspector.adapters.ledger.evidence import FileEvidence
from inspector.adapters.ledger.integrity import check_integrity, database_exists
from inspector.adapters.ledger.jobs import SqlJobStore
from inspector.adapters.ledger.ledger import SqlLedger
from inspector.adapters.ledger.line_status import SqlLineStore
from inspector.adapters.ledger.measure import LedgerSpeed, measure_ledger
from inspector.adapters.ledger.people import SqlPeople
from inspector.adapters.ledger.qualification import SqlQualificationStore
from inspector.adapters.ledger.rebuild_sums import rebuild_sums
from inspector.adapters.ledger.remembered_pictures import store_remembering
from inspector.adapters.ledger.review_leases import SqlLeaseStore
from inspector.adapters.ledger.reviews import SqlReviewStore
from inspector.adapters.ledger.s3_files import S3Access
from inspector.adapters.ledger.schema import SchemaState, schema_state, upgrade
from inspector.adapters.ledger.spooled_evidence import PictureSpool, SpooledEvidence
from inspector.adapters.ledger.unknown_cameras import SqlUnknownCameras
from inspector.adapters.ledger.versions import store_versions
from inspector.ports.lines import DeclaredVersion, NewVersion

__all__ = [
    "DeclaredVersion",
    "FileAnswerJournal",
    "FileEvidence",
    "LedgerSpeed",
    "NewVersion",
    "PictureSpool",
    "S3Access",
    "SchemaState",
    "SpooledEvidence",
    "SqlArchive",
    "SqlAuditStore",
    "SqlCameraChangeStore",
    "SqlChallengeStore",
    "SqlDraftStore",
    "SqlEventStore",
    "SqlJobStore",
    "SqlLeaseStore",
    "SqlLedger",
    "SqlLineStore",
    "SqlPeople",
    "SqlQualificationStore",
    "SqlReviewStore",
    "SqlUnknownCameras",
    "TableCopy",
    "check_integrity",
    "database_exists",
    "masked_url",
    "measure_ledger",
    "open_snapshot",
    "rebuild_sums",
    "removed_pictures",
    "require_empty",
    "restore_tables",
    "schema_state",
    "store_remembering",
    "store_versions",
    "upgrade",
]
