"""What is left after a process was killed while it wrote: everything it was told is stored, and nothing by halves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.fakes import a_verdict
from support.paths import SUPPORT

from inspector.adapters.ledger import FileEvidence, SqlArchive, SqlLedger, upgrade
from inspector.domain.report import WordsState
from inspector.ports.archive import PartFilter, PartRow
from inspector.ports.ledger import StoredVerdict

CALLERS = 16
RECORDER = SUPPORT / "ledger_recorder.py"


@contextmanager
def recorder(url: str, root: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(RECORDER), url, str(root), name, str(CALLERS)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def told_until_killed(process: subprocess.Popen[str], after: int) -> set[int]:
    """The numbers that the recorder said were recorded; it is killed in the middle of writing more."""
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(after)]
    process.kill()
    told += process.stdout.readlines()
    return {int(line) for line in told if line.endswith("\n")}


def rows_of(url: str) -> list[PartRow]:
    archive = SqlArchive(url)
    try:
        return archive.parts(PartFilter(), 100_000)
    finally:
        archive.close()


async def test_what_was_recorded_before_a_kill_is_there_and_whole(database: str, tmp_path: Path) -> None:
    told: set[int] = set()
    for life in range(3):
        with recorder(database, tmp_path / "evidence", f"life{life}") as process:
            told |= told_until_killed(process, after=20 + 23 * life)
    rows = rows_of(database)
    stored = {int(row.part.key.trigger_id.removeprefix("t-")) for row in rows}
    assert told <= stored
    assert len(stored) - len(told) <= 3 * CALLERS, "only those under way may be stored without having been told"
    await check_whole(database, FileEvidence(tmp_path / "evidence"), rows)


async def test_two_processes_decide_no_key_twice(database: str, tmp_path: Path) -> None:
    with (
        recorder(database, tmp_path / "evidence", "one") as one,
        recorder(database, tmp_path / "evidence", "two") as two,
    ):
        told = [told_until_killed(one, after=40), told_until_killed(two, after=40)]
    assert not told[0] & told[1]
    rows = rows_of(database)
    decided = Counter(row.part.key for row in rows)
    assert max(decided.values()) == 1
    assert {f"t-{number}" for number in told[0] | told[1]} <= {key.trigger_id for key in decided}
    await check_whole(database, FileEvidence(tmp_path / "evidence"), rows)


async def check_whole(url: str, evidence: FileEvidence, rows: list[PartRow]) -> None:
    """Each part has its vote, its words, its message, and a picture that was there before the row."""
    async with SqlLedger(url) as ledger:
        assert len(await ledger.unpublished(None, 100_000)) == len(rows)
        for row in rows:
            part = row.part
            assert len(part.votes) == 1
            assert part.words.state is WordsState.WRITTEN
            assert part.evidence is not None
            assert len(evidence.get(part.evidence.sha256)) == part.evidence.size_bytes
            assert await ledger.find(part.identity) == StoredVerdict(part.result_id, a_verdict(part))


FULL_DISK = """
import asyncio, resource, signal, sys
from support.fakes import a_part, a_verdict
from inspector.errors import LedgerError
from inspector.adapters.ledger import SqlLedger

def allow(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

async def main(url):
    refused = []
    async with SqlLedger(url) as ledger:
        allow(500_000)
        for number in range(2000):
            part = a_part(f"t-{number}", lot="x" * 2000)
            try:
                await ledger.record(part, [a_verdict(part)])
            except LedgerError as error:
                refused.append((part, str(error)))
                if len(refused) == 3:
                    break
        allow(resource.RLIM_INFINITY)
        print(refused[0][1])
        print([(await ledger.record(part, [a_verdict(part)])).name for part, _ in refused])
        print(len(await ledger.unpublished(None, 10_000)) == number + 1)

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
asyncio.run(main(sys.argv[1]))
"""


def test_full_disk_is_an_error_and_the_ledger_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """The system itself refuses the bytes beyond a limit, as it does on a full disk."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    upgrade(url)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", FULL_DISK, url]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said == ["the ledger could not write: disk I/O error", "['NEW', 'NEW', 'NEW']", "True"]
