"""Write a whole installation into one file: the ledger as of one moment, its pictures, and a manifest with checksums.

The file is a tar: `tables/*.jsonl.gz` (one row a line), `pictures/<sha256>`, and `manifest.json` at its end; a file
without a manifest is incomplete. The rows suit every kind of database: a backup of SQLite restores into PostgreSQL, and
the other way round.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final

from inspector.adapters.ledger import FileEvidence, TableCopy, open_snapshot, removed_pictures
from inspector.errors import LedgerError
from inspector.operations.progress import Notify
from inspector.utc import utc_now

FORMAT: Final = "inspector.backup/1"
MANIFEST: Final = "manifest.json"
TABLES: Final = "tables/"
PICTURES: Final = "pictures/"
PARTIAL: Final = ".partial"  # suffix of a file that is not complete yet


@dataclass(frozen=True, slots=True)
class TableEntry:
    """One table in the manifest."""

    name: str
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contents of a backup. `revision` is the schema of its rows. `missing` are pictures that the ledger names and
    the evidence store lacks."""

    format: str
    made_at: str
    revision: str
    tables: tuple[TableEntry, ...]
    pictures: int
    with_pictures: bool
    missing: tuple[str, ...]


def write_backup(
    database: str, evidence: FileEvidence, to: Path, *, pictures: bool = True, notify: Notify
) -> dict[str, Any]:
    """Write a backup and return its figures. The service may run meanwhile.

    The file gets its final name once it is complete and on disk. Raises LedgerError.
    """
    to = to / f"inspector-{utc_now():%Y%m%dT%H%M%SZ}.tar" if to.is_dir() else to
    with _completed_file(to) as out, tarfile.open(fileobj=out, mode="w") as tar:
        with open_snapshot(database) as taken:
            revision = taken.revision
            tables = [_add_table(tar, table, notify) for table in taken.tables()]
            named = taken.pictures() if pictures else []
        absent = [sha256 for sha256 in named if not _add_picture(tar, sha256, evidence)]
        missing = sorted(set(absent) - removed_pictures(database, absent))
        made_at, count = utc_now().isoformat(), len(named) - len(absent)
        manifest = Manifest(FORMAT, made_at, str(revision), tuple(tables), count, pictures, tuple(missing))
        _add(tar, MANIFEST, json.dumps(asdict(manifest), indent=1).encode())
    return {"file": str(to), "bytes": to.stat().st_size, "revision": manifest.revision} | _contents(manifest)


def _contents(manifest: Manifest) -> dict[str, Any]:
    rows = {table.name: table.rows for table in manifest.tables}
    return {"rows": rows, "pictures": manifest.pictures, "missing_pictures": list(manifest.missing)}


@contextmanager
def _completed_file(to: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name once it is complete and on disk."""
    if to.exists():
        raise LedgerError(f"{to} already exists; name a new file, or a folder")
    draft = to.with_name(to.name + PARTIAL)
    try:
        with draft.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        draft.rename(to)
    except OSError as error:
        raise LedgerError(f"the backup can't be written to {to}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _add_table(tar: tarfile.TarFile, table: TableCopy, notify: Notify) -> TableEntry:
    """Add a table through a temporary file: tar needs a member's size before its bytes."""
    rows = 0
    with TemporaryFile() as draft:
        with gzip.open(draft, "wb", compresslevel=1) as packed:
            for row in table.rows:
                packed.write(json.dumps(row, separators=(",", ":")).encode() + b"\n")
                rows += 1
        size = draft.tell()
        draft.seek(0)
        sha256 = hashlib.file_digest(draft, "sha256").hexdigest()
        draft.seek(0)
        member = tarfile.TarInfo(f"{TABLES}{table.name}.jsonl.gz")
        member.size = size
        tar.addfile(member, draft)
    notify(f"{table.name}: {rows:,} row(s)")
    return TableEntry(table.name, table.columns, table.kinds, rows, sha256)


def _add_picture(tar: tarfile.TarFile, sha256: str, evidence: FileEvidence) -> bool:
    """Returns False for a missing or damaged picture."""
    try:
        data = evidence.get(sha256)
    except (KeyError, LedgerError):
        return False
    _add(tar, f"{PICTURES}{sha256}", data)
    return True


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))
    tar.members.clear()  # type: ignore[attr-defined]  # tarfile keeps every member in memory; there may be millions
