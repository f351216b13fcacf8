"""Brings a backup back: looked through as a whole first, so that a damaged one changes nothing."""

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

from inspector.adapters.ledger import FileEvidence, TableCopy, require_room, restore_tables, shown
from inspector.errors import LedgerError
from inspector.operations.backup import FORMAT, MANIFEST, PICTURES, TABLES, Manifest, Say, TableEntry

MANIFEST_ADAPTER: Final = TypeAdapter(Manifest)


class BackupContents(NamedTuple):
    """What a file was found to hold: its manifest, and where the tables stand in it."""

    manifest: Manifest
    places: dict[str, tarfile.TarInfo]


def restore(file: Path, database: str, evidence: FileEvidence, *, force: bool, say: Say) -> dict[str, Any]:
    """Pictures first: they are there before the rows that name them. Raises LedgerError; the ledger is then as it
    was."""
    with _opened(file) as tar:
        found = _looked_through(tar, file)
    if not force:
        require_room(database)
    manifest = found.manifest
    say(f"{file} is whole: made {manifest.made_at}, {manifest.pictures:,} picture(s)")
    with _opened(file) as tar:
        for member in _members(tar):
            if member.name.startswith(PICTURES):
                evidence.put(_bytes_of(tar, member).read(), "")
        restore_tables(database, manifest.revision, _tables(tar, found), force=force)
    rows = {table.name: table.rows for table in manifest.tables}
    return {"database": shown(database), "made_at": manifest.made_at, "rows": rows, "pictures": manifest.pictures}


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(file, mode="r:") as tar:
            yield tar
    except (OSError, EOFError, tarfile.TarError) as error:
        raise LedgerError(
            f"{file} can't be read as a backup: {error}; name a file that inspector backup made"
        ) from error


def _looked_through(tar: tarfile.TarFile, file: Path) -> BackupContents:
    """Raises LedgerError when anything that the manifest lists is missing or harmed."""
    places: dict[str, tarfile.TarInfo] = {}
    harmed: list[str] = []
    pictures = 0
    for member in _members(tar):
        if not member.name.startswith(PICTURES):
            places[member.name] = member
        elif f"{PICTURES}{_sum(tar, member)}" == member.name:
            pictures += 1
        else:
            harmed.append(member.name)
    manifest = _manifest(tar, places, file)
    harmed += [table.name for table in manifest.tables if not _is_unharmed(tar, places, table)]
    if pictures + sum(name.startswith(PICTURES) for name in harmed) != manifest.pictures:
        harmed.append(f"{pictures} of {manifest.pictures} pictures")
    if harmed:
        raise LedgerError(f"{file} is damaged: {', '.join(harmed[:5])}; use another backup")
    return BackupContents(manifest, places)


def _manifest(tar: tarfile.TarFile, places: dict[str, tarfile.TarInfo], file: Path) -> Manifest:
    if MANIFEST not in places:
        raise LedgerError(f"{file} is not a whole backup: it has no manifest; use another one")
    text = _bytes_of(tar, places[MANIFEST]).read()
    try:
        manifest = MANIFEST_ADAPTER.validate_json(text)
    except ValidationError as error:
        raise LedgerError(f"{file} has a manifest that can't be read; use another backup") from error
    if manifest.format != FORMAT:
        raise LedgerError(f"{file} is a backup of format {manifest.format}, this version reads {FORMAT}")
    return manifest


def _is_unharmed(tar: tarfile.TarFile, places: dict[str, tarfile.TarInfo], table: TableEntry) -> bool:
    member = places.get(_name_of(table))
    return member is not None and _sum(tar, member) == table.sha256


def _tables(tar: tarfile.TarFile, found: BackupContents) -> Iterator[TableCopy]:
    for table in found.manifest.tables:
        packed = _bytes_of(tar, found.places[_name_of(table)])
        yield TableCopy(table.name, table.columns, table.kinds, _rows(packed))


def _rows(packed: IO[bytes]) -> Iterator[list[Any]]:
    with gzip.open(packed) as lines:
        for line in lines:
            yield json.loads(line)


def _name_of(table: TableEntry) -> str:
    return f"{TABLES}{table.name}.jsonl.gz"


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := tar.next()) is not None:
        yield member
        tar.members.clear()  # type: ignore[attr-defined]  # tarfile would remember them all, and there may be millions


def _sum(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    sha256, data = hashlib.sha256(), _bytes_of(tar, member)
    while some := data.read(1 << 20):
        sha256.update(some)
    return sha256.hexdigest()


def _bytes_of(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    data = tar.extractfile(member)
    if data is None:
        raise tarfile.ReadError(f"{member.name} is no file")
    return data
