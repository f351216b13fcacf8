"""What was backed up comes back as it was, into either database; and what is damaged changes nothing."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.database_kinds import KINDS
from support.databases import connected, execute, holds, new_database
from support.fakes import NOON, REJECTED, a_part, a_pipeline, a_verdict
from support.paths import SUPPORT

from inspector.adapters.ledger import (
    DeclaredVersion,
    FileEvidence,
    SqlArchive,
    SqlLedger,
    TableCopy,
    open_snapshot,
    restore_tables,
    store_versions,
    upgrade,
)
from inspector.adapters.ledger.schema import migrate
from inspector.domain.declared import Disposition
from inspector.domain.reconciliation import Ack, Gap, TriggerCount
from inspector.domain.report import Words, WordsState
from inspector.errors import LedgerError
from inspector.operations.backup import write_backup
from inspector.operations.restore import restore_backup
from inspector.ports.archive import PartFilter
from inspector.ports.ledger import CameraActivity, Event

RECORDER = SUPPORT / "ledger_recorder.py"


def quiet(_: str) -> None:
    """Says nothing."""


def tables_of(url: str) -> dict[str, list[list[Any]]]:
    with open_snapshot(url) as taken:
        return {table.name: list(table.rows) for table in taken.tables()}


def evidence_in(folder: Path) -> FileEvidence:
    return FileEvidence(folder / "evidence")


async def fill(url: str, evidence: FileEvidence) -> None:
    """Something of everything that a ledger can hold."""
    golden = evidence.put(b"\x89PNG\r\n\x1a\n golden", "image/png").sha256
    store_versions(url, [DeclaredVersion(a_pipeline(), (golden,), "ann", "line: pcb  # \u00e9")])
    async with SqlLedger(url) as ledger:
        for number in range(25):
            picture = evidence.put(b"\xff\xd8\xff %d" % number, "image/jpeg")
            words = Words(WordsState.WRITTEN, raw="half a \ud83d and \x00")
            part = a_part(f"t-{number}", seq=2 * number, evidence=picture, words=words)
            part = replace(part, captured_at=NOON + timedelta(microseconds=number), p_ng=0.1 + number / 7)
            await ledger.record(part if number % 5 else replace(part, decision=REJECTED), [a_verdict(part)])
            if number % 2:
                await ledger.confirm([part.result_id])
        await ledger.acknowledge(Ack(a_part("t-3").key, Disposition.PASS, NOON))
        await ledger.add_camera_activity(
            [CameraActivity("pcb", "cam1", NOON, True, 25, (Gap(1, 1, NOON, 1),), 48, "online")]
        )
        await ledger.add_events([Event("e-1", "pcb", None, "SKEW", "INFO", "clock \udce9", NOON, 7)])
        await ledger.add_count(TriggerCount("pcb", "cam1", 25, NOON, NOON + timedelta(hours=1), NOON))


@pytest.fixture
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """New databases of the kind that is asked for."""

    def make(kind: str) -> str:
        request.param = kind
        folder = tmp_path / f"target-{kind}"
        return new_database(request, folder)

    return make


@pytest.mark.parametrize("kind", KINDS)
async def test_restored_ledger_is_the_same_on_either_database(
    database: str, target: Callable[[str], str], kind: str, tmp_path: Path
) -> None:
    await fill(database, evidence_in(tmp_path))
    made = write_backup(database, evidence_in(tmp_path), tmp_path / "b.tar", notify=quiet)
    assert (made["rows"]["parts"], made["pictures"], made["missing_pictures"]) == (25, 26, [])
    url, pictures = target(kind), FileEvidence(tmp_path / "restored")
    restore_backup(tmp_path / "b.tar", url, pictures, force=False, notify=quiet)
    assert tables_of(url) == tables_of(database)
    with open_snapshot(url) as taken:
        assert all(holds(pictures, sha256) for sha256 in taken.pictures())
    await check_it_goes_on(url)


async def check_it_goes_on(url: str) -> None:
    """Numbers go on where they were, and what was decided stays decided."""
    async with SqlLedger(url) as ledger:
        assert not await ledger.record(a_part("t-1", result_id="again"), [])
        part = a_part("new")
        assert await ledger.record(part, [a_verdict(part)])
        await ledger.add_events([Event("e-2", "pcb", None, "SKEW", "INFO", "text", NOON)])
    archive = SqlArchive(url)
    newest = archive.parts(PartFilter(), 1)[0]
    archive.close()
    assert newest.number > 25
    assert newest.part.key.trigger_id == "new"


def test_backup_is_of_one_moment_while_others_write(database: str, tmp_path: Path) -> None:
    command = [sys.executable, str(RECORDER), database, str(tmp_path / "evidence"), "live", "8"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as recorder:
        assert recorder.stdout is not None
        for _ in range(20):
            recorder.stdout.readline()
        made = write_backup(database, evidence_in(tmp_path), tmp_path / "b.tar", notify=quiet)
        recorder.stdout.readline()
        recorder.kill()
    rows = made["rows"]
    assert rows["parts"] >= 20
    assert rows["parts"] == rows["votes"] == rows["outbox"] == rows["evidence"] == rows["reports"]
    assert (made["pictures"], made["missing_pictures"]) == (rows["parts"], [])


async def test_ledger_that_holds_anything_is_replaced_only_by_force(database: str, tmp_path: Path) -> None:
    await fill(database, evidence_in(tmp_path))
    write_backup(database, evidence_in(tmp_path), tmp_path / "b.tar", notify=quiet)
    before = tables_of(database)
    async with SqlLedger(database) as ledger:
        await ledger.record(a_part("later"), [])
    with pytest.raises(LedgerError, match=r"holds a ledger already .*parts.*--force"):
        restore_backup(tmp_path / "b.tar", database, evidence_in(tmp_path), force=False, notify=quiet)
    assert len(tables_of(database)["parts"]) == 26
    restore_backup(tmp_path / "b.tar", database, evidence_in(tmp_path), force=True, notify=quiet)
    assert tables_of(database) == before


def test_tables_of_others_in_the_same_database_stay(database: str, tmp_path: Path) -> None:
    write_backup(database, evidence_in(tmp_path), tmp_path / "b.tar", notify=quiet)
    execute(database, "CREATE TABLE recipes (name TEXT)", "INSERT INTO recipes VALUES ('bread')")
    restore_backup(tmp_path / "b.tar", database, evidence_in(tmp_path), force=True, notify=quiet)
    execute(database, "UPDATE recipes SET name = 'cake'")


# ---------------------------------------------------------------------- faults


@pytest.fixture
def made(tmp_path: Path) -> Path:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    upgrade(url)
    asyncio.run(fill(url, evidence_in(tmp_path)))
    write_backup(url, evidence_in(tmp_path), tmp_path / "b.tar", notify=quiet)
    return tmp_path / "b.tar"


def changed(file: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """A copy of the backup in which members were changed, or left out."""
    other = file.with_name("changed.tar")
    with tarfile.open(file) as tar, tarfile.open(other, "w") as out:
        for member in tar:
            data = tar.extractfile(member)
            assert data is not None
            if (written := change(member.name, data.read())) is not None:
                member.size = len(written)
                out.addfile(member, io.BytesIO(written))
    return other


def cut(file: Path) -> Path:
    other = file.with_name("cut.tar")
    other.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    return other


def flipped(name: str, data: bytes, wanted: str) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1]) if name.startswith(wanted) else data


def of_another_format(name: str, data: bytes) -> bytes:
    return data.replace(b"inspector.backup/1", b"inspector.backup/2") if name == "manifest.json" else data


def of_a_newer_program(name: str, data: bytes) -> bytes:
    return json.dumps(json.loads(data) | {"revision": "9999"}).encode() if name == "manifest.json" else data


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        pytest.param(cut, "can't be read as a backup|no manifest", id="half a file"),
        pytest.param(lambda file: file.with_name("gone.tar"), "is no file; name one that", id="no file"),
        pytest.param(
            lambda file: changed(file, lambda name, data: flipped(name, data, "tables/parts")),
            "is damaged: parts; use another",
            id="a table with one wrong bit",
        ),
        pytest.param(
            lambda file: changed(file, lambda name, data: flipped(name, data, "pictures/")),
            "is damaged: pictures/",
            id="pictures with one wrong bit",
        ),
        pytest.param(
            lambda file: changed(file, lambda name, data: None if name.startswith("pictures/0") else data),
            "of 26 pictures",
            id="fewer pictures than it says",
        ),
        pytest.param(
            lambda file: changed(file, lambda name, data: None if name == "tables/votes.jsonl.gz" else data),
            "is damaged: votes",
            id="a table less",
        ),
        pytest.param(
            lambda file: changed(file, lambda name, data: None if name == "manifest.json" else data),
            "it has no manifest",
            id="no manifest",
        ),
        pytest.param(lambda file: changed(file, of_another_format), "format inspector.backup/2", id="another format"),
        pytest.param(lambda file: changed(file, of_a_newer_program), "schema 9999", id="a newer program's rows"),
    ],
)
def test_backup_that_is_not_whole_changes_nothing(
    made: Path, spoil: Callable[[Path], Path], complaint: str, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"
    upgrade(url)
    asyncio.run(fill(url, evidence_in(tmp_path)))
    before = tables_of(url)
    with pytest.raises(LedgerError, match=complaint):
        restore_backup(spoil(made), url, evidence_in(tmp_path), force=True, notify=quiet)
    assert tables_of(url) == before


def test_backup_goes_into_a_folder_under_a_name_of_its_own(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    upgrade(url)
    (tmp_path / "backups").mkdir()
    made = write_backup(url, evidence_in(tmp_path), tmp_path / "backups", notify=quiet)
    [file] = (tmp_path / "backups").iterdir()
    assert str(file) == made["file"]
    assert file.name.startswith("inspector-2")


def test_backup_overwrites_nothing_and_leaves_no_half_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    upgrade(url)
    (tmp_path / "b.tar").write_text("precious")
    with pytest.raises(LedgerError, match="already exists"):
        write_backup(url, evidence_in(tmp_path), tmp_path / "b.tar", notify=quiet)
    with pytest.raises(LedgerError, match="can't be written"):
        write_backup(url, evidence_in(tmp_path), tmp_path / "no folder" / "b.tar", notify=quiet)
    execute(url, "DROP TABLE votes")
    with pytest.raises(LedgerError, match="can't be copied"):
        write_backup(url, evidence_in(tmp_path), tmp_path / "c.tar", notify=quiet)
    assert {path.name for path in tmp_path.glob("*.tar*")} == {"b.tar"}


async def test_picture_that_is_missing_is_told_and_the_rest_is_kept(database: str, tmp_path: Path) -> None:
    await fill(database, evidence_in(tmp_path))
    gone, let_go = sorted(path.stem for path in (tmp_path / "evidence").rglob("*.jpg"))[:2]
    for sha256 in (gone, let_go):
        next((tmp_path / "evidence").rglob(f"{sha256}.jpg")).unlink()
    execute(database, f"UPDATE evidence SET removal = 'DONE' WHERE sha256 = '{let_go}'")
    made = write_backup(database, evidence_in(tmp_path), tmp_path / "b.tar", notify=quiet)
    assert made["missing_pictures"] == [gone]
    assert made["pictures"] == 24


async def test_backup_without_pictures_is_the_database_alone(database: str, tmp_path: Path) -> None:
    await fill(database, evidence_in(tmp_path))
    made = write_backup(database, evidence_in(tmp_path), tmp_path / "b.tar", pictures=False, notify=quiet)
    assert (made["pictures"], made["missing_pictures"]) == (0, [])
    restore_backup(tmp_path / "b.tar", database, evidence_in(tmp_path), force=True, notify=quiet)


def test_database_of_an_older_program_has_to_be_upgraded_first(blank: str, tmp_path: Path) -> None:
    with connected(blank) as connection:
        migrate(connection, "0001")
    with pytest.raises(LedgerError, match="run: inspector db upgrade"):
        write_backup(blank, evidence_in(tmp_path), tmp_path / "b.tar", notify=quiet)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_an_older_schema_are_brought_up_to_date(target: Callable[[str], str], kind: str) -> None:
    """As a backup of an older program brings them: without the columns and tables that came since."""
    columns = ("number", "event_id", "line", "camera", "kind", "severity", "text", "at", "count")
    row = [3, "e-3", "pcb", None, "SKEW", "INFO", "text", NOON.isoformat(), 7]
    url = target(kind)
    events = TableCopy("events", columns, tuple("time" if name == "at" else "plain" for name in columns), [row])
    restore_tables(url, "0001", [events], force=False)
    assert tables_of(url)["events"] == [[*row, None, None]]
    assert tables_of(url)["counts"] == []
