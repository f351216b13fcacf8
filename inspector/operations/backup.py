"""A whole installation in one file: the ledger at one moment, its pictures, and a manifest with checksums.

The file is a tar: `tables/*.jsonl.gz` (a row a line), `pictures/<sha256>`, and at its end `manifest.json`; without that
it is not whole. The rows belong to no kind of database: what SQLite gave PostgreSQL takes, and the other way round.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final

from inspector.adapters.ledger import FileEvidence, TableCopy, let_go, snapshot
from inspector.errors import LedgerError
from inspector.utc import utc_now

FORMAT: Final = "inspector.backup/1"
MANIFEST: Final = "manifest.json"
TABLES: Final = "tables/"
PICTURES: Final = "pictures/"
PARTIAL: Final = ".partial"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TableEntry:
    """What the manifest says of one table."""

    name: str
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. `revision` is the schema of its rows; `missing` are pictures that the ledger names and the
    evidence store does not have."""

    format: str
    made_at: str
    revision: str
    tables: tuple[TableEntry, ...]
    pictures: int
    with_pictures: bool
    missing: tuple[str, ...]


def backup(database: str, evidence: FileEvidence, to: Path, *, pictures: bool = True, say: Say) -> dict[str, Any]:
    """Writes the backup beside its name first and gives it the name when it is whole. The service may run meanwhile.
    Raises LedgerError."""
    to = to / f"inspector-{utc_now():%Y%m%dT%H%M%SZ}.tar" if to.is_dir() else to
    with _written_whole(to) as out, tarfile.open(fileobj=out, mode="w") as tar:
        with snapshot(database) as taken:
            revision = taken.revision
            tables = [_add_table(tar, table, say) for table in taken.tables()]
            named = taken.pictures() if pictures else []
        absent = [sha256 for sha256 in named if not _add_picture(tar, sha256, evidence)]
        missing = sorted(set(absent) - let_go(database, absent))
        made_at, kept = utc_now().isoformat(), len(named) - len(absent)
        manifest = Manifest(FORMAT, made_at, str(revision), tuple(tables), kept, pictures, tuple(missing))
        _add(tar, MANIFEST, json.dumps(asdict(manifest), indent=1).encode())
    return {"file": str(to), "bytes": to.stat().st_size, "revision": manifest.revision} | _told(manifest)


def _told(manifest: Manifest) -> dict[str, Any]:
    rows = {table.name: table.rows for table in manifest.tables}
    return {"rows": rows, "pictures": manifest.pictures, "missing_pictures": list(manifest.missing)}


@contextmanager
def _written_whole(to: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name when it is whole and on the disk."""
    if to.exists():
        raise LedgerError(f"{to} is there already; name a new file, or a folder")
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


def _add_table(tar: tarfile.TarFile, table: TableCopy, say: Say) -> TableEntry:
    """Through a file of its own: a tar wants to know a member's size before its bytes."""
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
    say(f"{table.name}: {rows:,} row(s)")
    return TableEntry(table.name, table.columns, table.kinds, rows, sha256)


def _add_picture(tar: tarfile.TarFile, sha256: str, evidence: FileEvidence) -> bool:
    """False for one that is not there, or damaged."""
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
    tar.members.clear()  # type: ignore[attr-defined]  # tarfile would remember them all, and there may be millions
