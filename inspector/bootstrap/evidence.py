"""Opens the store of pictures that the settings name."""

from __future__ import annotations

from typing import Final

from inspector.adapters.ledger import FileEvidence, PictureSpool, S3Access, SpooledEvidence
from inspector.settings import Settings

SPOOL_FOLDER: Final = "evidence-spool"


def open_evidence(settings: Settings) -> FileEvidence:
    """Open the store itself: what it does not take is an error. Raises LedgerError."""
    s3 = S3Access(
        settings.evidence_endpoint,
        settings.evidence_region,
        settings.evidence_access_key_file,
        settings.evidence_secret_key_file,
        settings.evidence_ca,
    )
    return FileEvidence(settings.evidence, s3)


def open_spooled_evidence(settings: Settings, store: FileEvidence) -> SpooledEvidence | None:
    """Open the store with a spool before it; None for a folder, which needs none. Raises LedgerError."""
    if "://" not in settings.evidence:
        return None
    folder = settings.data.absolute() / SPOOL_FOLDER
    return SpooledEvidence(store, PictureSpool(folder, settings.evidence_spool_mib * 2**20))
