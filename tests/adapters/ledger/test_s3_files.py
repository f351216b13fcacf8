"""Pictures in a real S3 server: written once, whole, and refused with words that help."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from support.databases import holds
from support.object_store import SECRET_KEY, ObjectStore
from support.serve_process import free_port

from inspector.adapters.ledger import FileEvidence
from inspector.adapters.ledger.picture_files import MIN_AGE_TO_REMOVE_S
from inspector.adapters.ledger.s3_files import S3Files
from inspector.errors import LedgerError
from inspector.secret_texts import without_secrets

JPEG = b"\xff\xd8\xff\xe0 a picture"
ROOT = "s3://evidence/plant/pictures"


@pytest.fixture
def evidence(server: ObjectStore) -> FileEvidence:
    return FileEvidence(ROOT, server.access)


def make_clock_later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the next looks at an age find the pictures older."""
    now_s = time.time
    monkeypatch.setattr(time, "time", lambda: now_s() + seconds)


def test_picture_comes_back_by_its_hash(evidence: FileEvidence) -> None:
    stored = evidence.put(JPEG, "image/jpeg")
    assert (stored.media_type, evidence.get(stored.sha256)) == ("image/jpeg", JPEG)


@pytest.mark.parametrize("sha256", ["0" * 64, "", "../../etc/passwd"])
def test_unknown_hash_is_a_key_error(evidence: FileEvidence, sha256: str) -> None:
    with pytest.raises(KeyError):
        evidence.get(sha256)


def test_second_write_of_a_name_changes_nothing(server: ObjectStore, evidence: FileEvidence) -> None:
    """Other bytes under the name, as a broken writer would send them: the first ones stay."""
    files, path = S3Files(server.access), f"{ROOT.removeprefix('s3://')}/once"
    files.store(path, b"first")
    files.store(path, b"other")
    assert files.read(path) == b"first"


def test_two_writers_at_once_store_one_picture(evidence: FileEvidence) -> None:
    pictures = [JPEG + bytes([number % 3]) for number in range(30)]
    with ThreadPoolExecutor(8) as threads:
        stored = list(threads.map(lambda data: evidence.put(data, ""), pictures))
    assert [evidence.get(each.sha256) for each in stored] == pictures


def test_truncated_picture_is_written_anew(server: ObjectStore, evidence: FileEvidence) -> None:
    data = JPEG + b"whole"
    sha256 = hashlib.sha256(data).hexdigest()
    S3Files(server.access).write(f"evidence/plant/pictures/{sha256[:2]}/{sha256[2:4]}/{sha256}.jpg", data[:5])
    assert evidence.get(evidence.put(data, "").sha256) == data


def test_young_picture_stays_and_an_old_one_is_removed(evidence: FileEvidence, monkeypatch: pytest.MonkeyPatch) -> None:
    sha256 = evidence.put(JPEG + b"removed", "").sha256
    evidence.remove(sha256)
    assert holds(evidence, sha256)
    make_clock_later(monkeypatch, MIN_AGE_TO_REMOVE_S + 60.0)
    evidence.remove(sha256)
    evidence.remove(sha256)
    assert not holds(evidence, sha256)


def test_picture_that_is_stored_again_is_young_again(
    server: ObjectStore, evidence: FileEvidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock stands half a day later at the second `put`: the picture is written over."""
    written: list[str] = []
    write = S3Files.write

    def watched(files: S3Files, path: str, data: bytes) -> None:
        written.append(path)
        write(files, path, data)

    monkeypatch.setattr(S3Files, "write", watched)
    data = JPEG + b"renewed"
    evidence.put(data, "")
    evidence.put(data, "")
    assert written == []
    make_clock_later(monkeypatch, MIN_AGE_TO_REMOVE_S / 2 + 60.0)
    evidence.put(data, "")
    assert len(written) == 1


def test_slot_is_written_over(evidence: FileEvidence) -> None:
    evidence.put_slot("cam-1", b"first")
    evidence.put_slot("cam-1", b"second")
    assert evidence.get_slot("cam-1") == b"second"


def test_wrong_key_is_refused_with_the_server_s_words_and_without_the_secret(
    server: ObjectStore, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_text("not-the-secret")
    evidence = FileEvidence(ROOT, replace(server.access, secret_key_file=tmp_path / "wrong"))
    with pytest.raises(LedgerError, match=r"can't be stored in evidence/plant/pictures: .*check") as caught:
        evidence.put(JPEG + b"wrong", "")
    assert "not-the-secret" not in str(caught.value)
    assert SECRET_KEY not in without_secrets(f"a text with {SECRET_KEY}")


def test_server_that_is_away_is_an_error_of_the_ledger(server: ObjectStore) -> None:
    away = FileEvidence(ROOT, replace(server.access, endpoint=f"http://127.0.0.1:{free_port()}"))
    for ask in (lambda: away.put(JPEG, ""), lambda: away.get("1" * 64), lambda: away.remove("1" * 64)):
        with pytest.raises(LedgerError, match="endpoint"):
            _ = ask()


@pytest.mark.parametrize("text", [None, ""])
def test_key_file_that_is_missing_or_empty_is_named(server: ObjectStore, tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "key"
    if text is not None:
        file.write_text(text)
    with pytest.raises(LedgerError, match=r"can't be opened: .*(No such file|key is empty)"):
        FileEvidence(ROOT, replace(server.access, access_key_file=file))


def test_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, server: ObjectStore) -> None:
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(LedgerError, match=r"pip install 'inspector\[s3\]'"):
        FileEvidence(ROOT, server.access)
