"""`inspector chaos` through the command line: real processes are killed, no part is lost, no process is left."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import psutil
import psycopg
import pytest
from support.fakes import a_part
from support.paths import ROOT

from inspector.adapters.ledger import SqlLedger, upgrade
from inspector.adapters.mqtt.check.session import open_session
from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import answers
from inspector.errors import BrokerError, LedgerError
from inspector.lab.chaos.broker import AUTOSAVE_DONE_S, HOST, KillableBroker
from inspector.lab.chaos.database import LockableSqlite, stored_parts
from inspector.lab.chaos.postgres import KillablePostgres
from inspector.lab.chaos.processes import frozen_process
from inspector.lab.chaos.schedule import EACH_FAULT, FaultKind

COMMAND = [sys.executable, "-c", "from inspector.cli.app import main; main()", "chaos"]
COUNTED = {"frames", "verdicts", "lost", "decided_twice", "published_twice", "wrong_pass", "late", "late_pass"}
# without those after which a supervisor starts the service again, which takes minutes: make proof has them
SHORT = tuple(
    fault
    for fault in EACH_FAULT
    if fault not in (FaultKind.SERVICE, FaultKind.GCS, FaultKind.RAYLET, FaultKind.FULL_DISK)
)
needs_mosquitto = pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")


def left_behind(folder: Path) -> list[str]:
    """The processes of this test that still run: the broker names its folder, the service has it in its environment."""
    return [" ".join(each.cmdline()) for each in psutil.process_iter() if is_of(folder, each)]


def is_of(folder: Path, process: psutil.Process) -> bool:
    try:
        return str(folder) in str((process.cmdline(), process.environ().get("INSPECTOR_DATA")))
    except psutil.Error:
        return False


@needs_mosquitto
@pytest.mark.timeout(600)
def test_no_part_is_lost_decided_twice_or_passed_wrongly_while_everything_dies_once(tmp_path: Path) -> None:
    run_clean(tmp_path / "plant", SHORT)


@needs_mosquitto
@pytest.mark.soak
@pytest.mark.timeout(1_800)
def test_no_part_is_lost_under_any_fault(tmp_path: Path) -> None:
    run_clean(tmp_path / "plant", EACH_FAULT)


def run_clean(folder: Path, faults: Sequence[FaultKind]) -> None:
    done = subprocess.run(
        [*COMMAND, "--json", "--rate", "5", "--faults", ",".join(faults), "--folder", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    result = json.loads(done.stdout)
    books = result["books"]
    assert books["problems"] == []
    assert result["attacks"] == []
    assert (done.returncode, result["clean"]) == (0, True), result["failures"]
    assert [result[name] for name in ("lost", "decided_twice", "wrong_pass", "late_pass")] == [0, 0, 0, 0]
    assert 0 < result["frames"] - result["verdicts"] <= books["withheld"] == books["lost"]
    assert result["verdicts"] > 100
    assert sum(result["dispositions"].values()) == result["verdicts"]
    assert result["dispositions"]["PASS"] > 0, result["dispositions"]
    assert set(result["faults"]) == {"calm", *faults}
    assert all(set(counts) >= {*COUNTED, "longest_gap_s"} for counts in result["faults"].values())
    assert all(result["faults"][fault]["strikes"] == 1 for fault in faults)
    assert all(f"{fault}: recovered" in done.stderr for fault in faults)
    assert left_behind(folder) == []


@needs_mosquitto
def test_interrupted_drill_leaves_nothing_running(tmp_path: Path) -> None:
    folder = tmp_path / "plant"
    process = subprocess.Popen([*COMMAND, "--folder", str(folder)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while not (folder / "service.log").exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode != 0
    assert left_behind(folder) == []


def test_missing_mosquitto_is_an_error_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mosquitto, "find", lambda: None)
    with pytest.raises(BrokerError, match="apt-get install mosquitto"):
        KillableBroker(tmp_path)


def test_folder_that_is_not_empty_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """In one line, however long its name is."""
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    (folder / "inspector.db").write_text("somebody's ledger")
    done = subprocess.run([*COMMAND, "--folder", str(folder)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"--folder {folder} is not empty" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["inspector.db"]


def test_unknown_fault_is_refused_before_anything_starts() -> None:
    done = subprocess.run([*COMMAND, "--faults", "gremlin"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "gremlin" in done.stderr


@needs_mosquitto
def test_broker_dies_and_comes_back_on_its_port_with_what_it_had_on_disk(tmp_path: Path) -> None:
    with KillableBroker(tmp_path) as broker:
        address, before = Broker(HOST, broker.port), broker.pid
        with open_session(address, "gate", timeout_s=30.0, fresh=False, keep_s=60) as gate:
            heard: list[object] = []
            gate.client.on_subscribe = lambda *_: heard.append("SUBACK")
            gate.client.subscribe("verdict", qos=1)
            assert gate.until(lambda: bool(heard))
        time.sleep(AUTOSAVE_DONE_S)
        with broker.dead():
            assert not answers(HOST, broker.port)
        assert broker.pid != before
        with open_session(address, "gate", timeout_s=30.0, fresh=False) as gate:
            assert gate.connack is not None
            assert gate.connack.session_present
    assert not psutil.pid_exists(broker.pid)


def test_frozen_process_stops_and_resumes() -> None:
    def comes_to(stopped: bool) -> bool:
        end = time.monotonic() + 5.0
        while (psutil.Process(process.pid).status() == psutil.STATUS_STOPPED) != stopped and time.monotonic() < end:
            time.sleep(0.01)
        return time.monotonic() < end

    process = subprocess.Popen(["sleep", "600"])
    try:
        with frozen_process(process.pid):
            assert comes_to(stopped=True)
        assert comes_to(stopped=False)
    finally:
        process.kill()
        process.wait()


def test_locked_database_can_not_be_written_until_it_is_released(tmp_path: Path) -> None:
    database = LockableSqlite(tmp_path / "ledger.db")
    upgrade(database.url)
    with closing(sqlite3.connect(tmp_path / "ledger.db", timeout=0)) as service:
        with database.away(), pytest.raises(sqlite3.OperationalError, match="locked"):
            service.execute("BEGIN IMMEDIATE")
        service.execute("BEGIN IMMEDIATE")


async def test_every_part_of_the_line_is_read_back_from_the_ledger(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    upgrade(url)
    async with SqlLedger(url) as ledger:
        for number in range(7):
            await ledger.record(a_part(f"t-{number}"), [])
        await ledger.record(a_part("stranger", line="other"), [])
    stored = stored_parts(url, a_part().key.line, page=3)
    assert sorted(stored) == [f"t-{number}" for number in range(7)]
    assert {part.votes for part in stored.values()} == {len(a_part().votes)}


def test_killed_postgres_closes_all_connections_and_keeps_committed_rows(tmp_path: Path) -> None:
    try:
        server = KillablePostgres(tmp_path / "postgres.log")
    except LedgerError as missing:
        pytest.skip(str(missing))
    with server:
        with psycopg.connect(server.url, autocommit=True) as service:
            service.execute("CREATE TABLE part AS SELECT 48211 AS seq")
            with server.away(), pytest.raises(psycopg.OperationalError):
                service.execute("SELECT seq FROM part")
        with psycopg.connect(server.url) as service:
            assert service.execute("SELECT seq FROM part").fetchall() == [(48211,)]
    assert left_behind(Path(server.url.partition("host=")[2])) == []
