"""Archives that people or attackers made by hand: one line, and nothing changes."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.fakes import a_part

from inspector.adapters.ledger import FileEvidence, SqlLedger, upgrade
from inspector.errors import LedgerError
from inspector.operations.backup import write_backup
from inspector.operations.restore import restore_backup

Members = dict[str, bytes]


def quiet(_: str) -> None:
    """Says nothing."""


@pytest.fixture
def backup(tmp_path: Path) -> Members:
    """The members of a sound backup of one part and one picture."""
    url, evidence = f"sqlite:///{tmp_path / 'source.db'}", FileEvidence(tmp_path / "source")
    upgrade(url)
    asyncio.run(record(url, evidence))
    write_backup(url, evidence, tmp_path / "sound.tar", notify=quiet)
    with tarfile.open(tmp_path / "sound.tar") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


async def record(url: str, evidence: FileEvidence) -> None:
    async with SqlLedger(url) as ledger:
        await ledger.record(a_part(evidence=evidence.put(b"\xff\xd8\xff picture", "image/jpeg")), [])


@dataclass
class Archive:
    """Writes tar files, member by member."""

    buffer: io.BytesIO = field(default_factory=io.BytesIO)

    def __post_init__(self) -> None:
        self.tar = tarfile.open(fileobj=self.buffer, mode="w")  # noqa: SIM115

    def add(self, name: str, data: bytes = b"", **changes: Any) -> None:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        for attribute, value in changes.items():
            setattr(member, attribute, value)
        self.tar.addfile(member, io.BytesIO(data) if member.isreg() else None)

    def bytes(self) -> bytes:
        self.tar.close()
        return self.buffer.getvalue()


def packed(members: Members, **extra: dict[str, Any]) -> bytes:
    archive = Archive()
    for name, changes in extra.items():
        archive.add(changes.pop("name", name), **changes)
    for name, data in members.items():
        archive.add(name, data)
    return archive.bytes()


def with_manifest(members: Members, **changes: Any) -> Members:
    manifest = json.loads(members["manifest.json"]) | changes
    return members | {"manifest.json": json.dumps(manifest).encode()}


def with_rows(members: Members, table: str, data: bytes, **changes: Any) -> Members:
    """The same backup with other rows in one table, and a manifest that agrees."""
    tables = json.loads(members["manifest.json"])["tables"]
    entry = next(each for each in tables if each["name"] == table)
    entry |= {"sha256": hashlib.sha256(data).hexdigest()} | changes
    return with_manifest(members | {f"tables/{table}.jsonl.gz": data}, tables=tables)


def zipped(members: Members) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def huge(members: Members) -> bytes:
    """An archive that promises a member of 8 TB and holds 512 bytes of it."""
    member = tarfile.TarInfo("pictures/" + "0" * 64)
    member.size = 8 << 40
    return member.tobuf(tarfile.GNU_FORMAT) + bytes(512)


def sparse(members: Members) -> bytes:
    member = tarfile.TarInfo("pictures/" + "0" * 64)
    member.type = tarfile.GNUTYPE_SPARSE
    return member.tobuf(tarfile.GNU_FORMAT) + packed(members)


def backwards(members: Members) -> bytes:
    """A member of negative size, behind which a reader would begin again."""
    head = bytearray(tarfile.TarInfo("manifest.json").tobuf(tarfile.GNU_FORMAT))
    head[124:136] = (-512).to_bytes(12, "big", signed=True)
    head[148:156] = b" " * 8
    head[148:156] = f"{sum(head[:512]):06o}\0 ".encode()
    return bytes(head) + packed(members)


LINE = gzip.compress(b"[1]\n")
ARCHIVES: dict[str, Callable[[Members], bytes]] = {
    "nothing": lambda _: b"",
    "text": lambda _: b"this is no archive",
    "zip": zipped,
    "gzip": lambda members: gzip.compress(packed(members)),
    "cut off": lambda members: packed(members)[:2048],
    "no manifest": lambda members: packed({name: data for name, data in members.items() if "json" not in name[-5:]}),
    "manifest is no JSON": lambda members: packed(members | {"manifest.json": b"{"}),
    "manifest is a list": lambda members: packed(members | {"manifest.json": b"[]"}),
    "manifest is deep": lambda members: packed(members | {"manifest.json": b"[" * 100_000}),
    "other format": lambda members: packed(with_manifest(members, format="inspector.backup/9")),
    "unknown schema": lambda members: packed(with_manifest(members, revision="9999")),
    "schema with a path": lambda members: packed(with_manifest(members, revision="../../x")),
    "path upwards": lambda members: packed(members, up={"name": "../../evil", "data": b"x"}),
    "absolute path": lambda members: packed(members, up={"name": "/tmp/evil", "data": b"x"}),
    "picture with a path": lambda members: packed(members, up={"name": "pictures/../../evil", "data": b"x"}),
    "symbolic link": lambda members: packed(
        members, link={"name": "manifest.json", "type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}
    ),
    "hard link": lambda members: packed(
        members, link={"name": "tables/parts.jsonl.gz", "type": tarfile.LNKTYPE, "linkname": "none"}
    ),
    "device": lambda members: packed(members, device={"name": "manifest.json", "type": tarfile.CHRTYPE}),
    "folder": lambda members: packed(members, folder={"name": "tables", "type": tarfile.DIRTYPE}),
    "huge member": huge,
    "sparse member": sparse,
    "negative size": backwards,
    "changed picture": lambda members: packed(members | {"pictures/" + "0" * 64: b"x"}),
    "table is no gzip": lambda members: packed(with_rows(members, "parts", b"x")),
    "table is cut off": lambda members: packed(with_rows(members, "parts", members["tables/parts.jsonl.gz"][:-9])),
    "row is no JSON": lambda members: packed(with_rows(members, "parts", gzip.compress(b"{\n"))),
    "row is a number": lambda members: packed(with_rows(members, "parts", gzip.compress(b"1\n"))),
    "row is too short": lambda members: packed(with_rows(members, "parts", LINE)),
    "more rows than the manifest says": lambda members: packed(with_rows(members, "events", LINE)),
    "unknown kind of column": lambda members: packed(
        with_rows(members, "parts", LINE, columns=["number"], kinds=["x"], rows=1)
    ),
    "unknown column": lambda members: packed(
        with_rows(members, "parts", LINE, columns=["none"], kinds=["plain"], rows=1)
    ),
    "columns missing": lambda members: packed(
        with_rows(members, "parts", LINE, columns=["number"], kinds=["plain"], rows=1)
    ),
    "unknown table": lambda members: packed(
        with_rows(members, "parts", LINE, name="users") | {"tables/users.jsonl.gz": LINE}
    ),
    "bomb in one row": lambda members: packed(with_rows(members, "parts", gzip.compress(b" " * (65 << 20)))),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_archive_made_by_hand_is_refused_in_one_line_and_changes_nothing(
    backup: Members, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "made.tar"
    file.write_bytes(ARCHIVES[kind](backup))
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(LedgerError) as refused:
        restore(file, target)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1_000
    assert list(target.rglob("*")) == []


def restore(file: Path, target: Path) -> dict[str, Any]:
    evidence = FileEvidence(target / "evidence")
    return restore_backup(file, f"sqlite:///{target / 'ledger.db'}", evidence, force=False, notify=quiet)


def test_same_members_without_a_fault_are_restored(backup: Members, tmp_path: Path) -> None:
    file = tmp_path / "made.tar"
    file.write_bytes(packed(backup))
    assert restore(file, tmp_path / "target")["rows"]["parts"] == 1
    assert len([path for path in (tmp_path / "target" / "evidence").rglob("*.jpg") if path.is_file()]) == 1


def test_ledger_that_is_replaced_by_a_damaged_backup_stays(backup: Members, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'source.db'}"
    file = tmp_path / "made.tar"
    file.write_bytes(packed(with_rows(backup, "parts", LINE)))
    with pytest.raises(LedgerError, match="table parts can't be read"):
        restore_backup(file, url, FileEvidence(tmp_path / "source"), force=True, notify=quiet)
    assert write_backup(url, FileEvidence(tmp_path / "source"), tmp_path / "x.tar", notify=quiet)["rows"]["parts"] == 1


def test_folder_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="is no file; name one that inspector backup made"):
        restore(tmp_path, tmp_path / "target")
