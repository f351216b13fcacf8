"""Restore a backup. The whole file is verified first, so that a damaged one changes nothing."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from inspector.adapters.ledger import FileEvidence, TableCopy, masked_url, require_empty, restore_tables
from inspector.errors import LedgerError
from inspector.operations.backup import FORMAT, MANIFEST, PICTURES, TABLES, Manifest, TableEntry
from inspector.operations.progress import Notify
from inspector.text import one_line, shortened

MANIFEST_ADAPTER: Final = TypeAdapter(Manifest)
CHUNK_BYTES: Final = 1 << 20
MAX_DAMAGED_NAMED: Final = 5
MAX_MANIFEST_BYTES: Final = 256 << 20
MAX_ROW_BYTES: Final = 64 << 20
MAX_PICTURE_BYTES: Final = 1 << 30  # far above what a station stores
MAX_PROBLEM: Final = 200  # characters of an archive's fault in an error
MEMBER_NAME: Final = re.compile(rf"{MANIFEST}|{TABLES}[a-z_]{{1,64}}\.jsonl\.gz|{PICTURES}[0-9a-f]{{64}}")


class BackupContents(NamedTuple):
    """The manifest of a verified backup, and the tar members of its tables by name."""

    manifest: Manifest
    members: dict[str, tarfile.TarInfo]


def restore_backup(file: Path, database: str, evidence: FileEvidence, *, force: bool, notify: Notify) -> dict[str, Any]:
    """Restore the rows and the pictures that they name. Returns the figures of the backup.

    Pictures are stored when all rows are accepted, and before these are committed. Raises LedgerError; the ledger is
    then unchanged.
    """
    with _opened(file) as tar:
        contents = _verified(tar, file)
    if not force:
        require_empty(database)
    manifest = contents.manifest
    notify(f"{file} is complete: made {manifest.made_at}, {manifest.pictures:,} picture(s)")
    with _opened(file) as tar:
        tables = _tables(tar, contents)
        restore_tables(
            database, manifest.revision, tables, force=force, before_commit=lambda: _put_pictures(file, evidence)
        )
    rows = {table.name: table.rows for table in manifest.tables}
    return {"database": masked_url(database), "made_at": manifest.made_at, "rows": rows, "pictures": manifest.pictures}


def _put_pictures(file: Path, evidence: FileEvidence) -> None:
    with _opened(file) as tar:
        for member in _members(tar):
            if member.name.startswith(PICTURES):
                evidence.put(_bytes_of(tar, member).read(), "")


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    """Open the archive. Whatever is wrong inside the block with its bytes becomes a LedgerError."""
    try:
        if not file.is_file():
            raise LedgerError(f"{file} is no file; name one that inspector backup made")
        with tarfile.open(file, mode="r:") as tar:
            yield tar
    except (OSError, EOFError, tarfile.TarError, ValueError, OverflowError, RecursionError, zlib.error) as error:
        problem = one_line(shortened(str(error) or type(error).__name__, MAX_PROBLEM))
        raise LedgerError(
            f"{file} can't be read as a backup: {problem}; name a file that inspector backup made"
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
    text = _bytes_of(tar, members[MANIFEST]).read(MAX_MANIFEST_BYTES)
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
        yield TableCopy(table.name, table.columns, table.kinds, _rows(packed, table))


def _rows(packed: IO[bytes], table: TableEntry) -> Iterator[list[Any]]:
    """Yield the rows. Raises ValueError where there are more or fewer than the manifest says, or one is too long."""
    with gzip.open(packed) as lines:
        for _ in range(table.rows):
            line = lines.readline(MAX_ROW_BYTES)
            if not line.endswith(b"\n"):
                raise ValueError("a row is missing, cut off or too long")
            yield json.loads(line)
        if lines.read(1):
            raise ValueError(f"it has more than {table.rows} row(s)")


def _member_name(table: TableEntry) -> str:
    return f"{TABLES}{table.name}.jsonl.gz"


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the members. Raises ReadError for one that no backup has: a link, a folder, a file with holes, a path."""
    position = -1
    while (member := tar.next()) is not None:
        if tar.offset <= position:
            raise tarfile.ReadError("its members overlap")
        position = tar.offset
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.sparse is not None:
            raise tarfile.ReadError(f"{member.name!r} is no plain file")
        if not MEMBER_NAME.fullmatch(member.name):
            raise tarfile.ReadError(f"{member.name!r} is no name of a backup's member")
        if member.name.startswith(PICTURES) and member.size > MAX_PICTURE_BYTES:
            raise tarfile.ReadError(f"{member.name!r} has {member.size:,} bytes, more than any picture")
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
