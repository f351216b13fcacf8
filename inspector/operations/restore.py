"""Restore a backup. The whole file is verified first, so that a damaged one changes nothing."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from inspector.adapters.ledger import FileEvidence, TableCopy, masked_url, require_empty, restore_tables
from inspector.errors import LedgerError
from inspector.operations.backup import FORMAT, MANIFEST, PICTURES, TABLES, Manifest, TableEntry
from inspector.operations.progress import Notify

MANIFEST_ADAPTER: Final = TypeAdapter(Manifest)
CHUNK_BYTES: Final = 1 << 20
MAX_DAMAGED_NAMED: Final = 5


class BackupContents(NamedTuple):
    """The manifest of a verified backup, and the tar members of its tables by name."""

    manifest: Manifest
    members: dict[str, tarfile.TarInfo]


def restore_backup(file: Path, database: str, evidence: FileEvidence, *, force: bool, notify: Notify) -> dict[str, Any]:
    """Restore pictures, then the rows that name them. Returns the figures of the backup.

    Raises LedgerError; the ledger is then unchanged.
    """
    with _opened(file) as tar:
        contents = _verified(tar, file)
    if not force:
        require_empty(database)
    manifest = contents.manifest
    notify(f"{file} is complete: made {manifest.made_at}, {manifest.pictures:,} picture(s)")
    with _opened(file) as tar:
        for member in _members(tar):
            if member.name.startswith(PICTURES):
                evidence.put(_bytes_of(tar, member).read(), "")
        restore_tables(database, manifest.revision, _tables(tar, contents), force=force)
    rows = {table.name: table.rows for table in manifest.tables}
    return {"database": masked_url(database), "made_at": manifest.made_at, "rows": rows, "pictures": manifest.pictures}


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(file, mode="r:") as tar:
            yield tar
    except (OSError, EOFError, tarfile.TarError) as error:
        raise LedgerError(
            f"{file} can't be read as a backup: {error}; name a file that inspector backup made"
        ) from error


def _verified(tar: tarfile.TarFile, file: Path) -> BackupContents:
    """Raises LedgerError if anything that the manifest lists is missing or damaged."""
    members: dict[str, tarfile.TarInfo] = {}
    damaged: list[str] = []
    pictures = 0
    for member in _members(tar):
        if not member.name.startswith(PICTURES):
            members[member.name] = member
        elif f"{PICTURES}{_sha256(tar, member)}" == member.name:
            pictures += 1
        else:
            damaged.append(member.name)
    manifest = _manifest(tar, members, file)
    damaged += [table.name for table in manifest.tables if not _is_intact(tar, members, table)]
    if pictures + sum(name.startswith(PICTURES) for name in damaged) != manifest.pictures:
        damaged.append(f"{pictures} of {manifest.pictures} pictures")
    if damaged:
        raise LedgerError(f"{file} is damaged: {', '.join(damaged[:MAX_DAMAGED_NAMED])}; use another backup")
    return BackupContents(manifest, members)


def _manifest(tar: tarfile.TarFile, members: dict[str, tarfile.TarInfo], file: Path) -> Manifest:
    if MANIFEST not in members:
        raise LedgerError(f"{file} is incomplete: it has no manifest; use another backup")
    text = _bytes_of(tar, members[MANIFEST]).read()
    try:
        manifest = MANIFEST_ADAPTER.validate_json(text)
    except ValidationError as error:
        raise LedgerError(f"{file} has a manifest that can't be read; use another backup") from error
    if manifest.format != FORMAT:
        raise LedgerError(f"{file} is a backup of format {manifest.format}, this version reads {FORMAT}")
    return manifest


def _is_intact(tar: tarfile.TarFile, members: dict[str, tarfile.TarInfo], table: TableEntry) -> bool:
    member = members.get(_member_name(table))
    return member is not None and _sha256(tar, member) == table.sha256


def _tables(tar: tarfile.TarFile, contents: BackupContents) -> Iterator[TableCopy]:
    for table in contents.manifest.tables:
        packed = _bytes_of(tar, contents.members[_member_name(table)])
        yield TableCopy(table.name, table.columns, table.kinds, _rows(packed))


def _rows(packed: IO[bytes]) -> Iterator[list[Any]]:
    with gzip.open(packed) as lines:
        for line in lines:
            yield json.loads(line)


def _member_name(table: TableEntry) -> str:
    return f"{TABLES}{table.name}.jsonl.gz"


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := tar.next()) is not None:
        yield member
        tar.members.clear()  # type: ignore[attr-defined]  # tarfile keeps every member in memory; there may be millions


def _sha256(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    sha256, data = hashlib.sha256(), _bytes_of(tar, member)
    while chunk := data.read(CHUNK_BYTES):
        sha256.update(chunk)
    return sha256.hexdigest()


def _bytes_of(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    data = tar.extractfile(member)
    if data is None:
        raise tarfile.ReadError(f"{member.name} is no file")
    return data
