"""Pictures by their hash: whole or not there, once, and the same bytes for good."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.databases import holds
from support.fakes import MemoryEvidence

from inspector.adapters.ledger import FileEvidence
from inspector.adapters.ledger.picture_files import MIN_AGE_TO_REMOVE_S
from inspector.domain.part import Evidence
from inspector.errors import LedgerError
from inspector.ports.evidence import EvidenceStore

JPEG = b"\xff\xd8\xff\xe0 a picture"
UNKNOWN_SHA = "0" * 64


@pytest.fixture(params=["folder", "fsspec", "memory"])
def evidence(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EvidenceStore]:
    if request.param == "memory":
        yield MemoryEvidence()
        return
    yield FileEvidence(tmp_path / "evidence" if request.param == "folder" else "memory://evidence")
    fsspec.filesystem("memory").store.clear()


def sha_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def files_below(root: Path) -> list[Path]:
    return sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file())


def test_picture_comes_back_by_its_hash(evidence: EvidenceStore) -> None:
    stored = evidence.put(JPEG, "image/jpeg")
    assert stored == Evidence(sha_of(JPEG), "image/jpeg", len(JPEG))
    assert evidence.get(stored.sha256) == JPEG


def test_storing_again_gives_the_same_evidence(evidence: EvidenceStore) -> None:
    assert evidence.put(JPEG, "image/jpeg") == evidence.put(JPEG, "image/jpeg")


@pytest.mark.parametrize("sha256", [UNKNOWN_SHA, "", "../../etc/passwd", "*", UNKNOWN_SHA.upper() + "/.."])
def test_unknown_hash_is_a_key_error(evidence: EvidenceStore, sha256: str) -> None:
    evidence.put(JPEG, "image/jpeg")
    with pytest.raises(KeyError):
        evidence.get(sha256)


@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=300), said=st.sampled_from(["image/jpeg", "image/png", "", "nonsense"]))
def test_any_bytes_come_back_equal(tmp_path_factory: pytest.TempPathFactory, data: bytes, said: str) -> None:
    evidence = FileEvidence(tmp_path_factory.getbasetemp() / "any")
    stored = evidence.put(data, said)
    assert evidence.get(stored.sha256) == data
    assert stored.size_bytes == len(data)


@pytest.mark.parametrize(
    ("data", "said", "media_type", "ext"),
    [
        (JPEG, "image/jpeg", "image/jpeg", "jpg"),
        pytest.param(JPEG, "", "image/jpeg", "jpg", id="a 3.1.1 device can't say what it sends"),
        pytest.param(JPEG, "image/png", "image/jpeg", "jpg", id="bytes count more than words"),
        (b"\x89PNG\r\n\x1a\n....", "image/png", "image/png", "png"),
        (b"RIFF\x10\x00\x00\nWEBPVP8 ", "", "image/webp", "webp"),
        (b"II*\0....", "", "image/tiff", "tif"),
        (b"MM\0*....", "", "image/tiff", "tif"),
        (b"II+\0....", "", "image/tiff", "tif"),
        (b"MM\0+....", "", "image/tiff", "tif"),
        (b"BM....", "", "image/bmp", "bmp"),
        pytest.param(b"no picture", "text/plain", "text/plain", "bin", id="kept all the same, as what it was called"),
        (b"no picture", "", "application/octet-stream", "bin"),
        (b"", "", "application/octet-stream", "bin"),
    ],
)
def test_kind_is_told_from_the_bytes(tmp_path: Path, data: bytes, said: str, media_type: str, ext: str) -> None:
    sha256 = sha_of(data)
    assert FileEvidence(tmp_path).put(data, said).media_type == media_type
    assert files_below(tmp_path) == [Path(sha256[:2], sha256[2:4], f"{sha256}.{ext}")]


def test_known_picture_is_not_written_again(tmp_path: Path) -> None:
    evidence = FileEvidence(tmp_path)
    evidence.put(JPEG, "image/jpeg")
    path = tmp_path / files_below(tmp_path)[0]
    before = path.stat()
    evidence.put(JPEG, "image/jpeg")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_many_threads_may_store_the_same_and_different_pictures(tmp_path: Path) -> None:
    evidence = FileEvidence(tmp_path)
    pictures = [JPEG + bytes([number % 5]) for number in range(50)]
    with ThreadPoolExecutor(8) as threads:
        stored = list(threads.map(lambda data: evidence.put(data, "image/jpeg"), pictures))
    assert [evidence.get(each.sha256) for each in stored] == pictures
    assert len(files_below(tmp_path)) == 5


def test_damaged_picture_is_never_given_out(tmp_path: Path) -> None:
    evidence = FileEvidence(tmp_path)
    sha256 = evidence.put(JPEG, "image/jpeg").sha256
    (tmp_path / files_below(tmp_path)[0]).write_bytes(JPEG[:-1] + b"?")
    with pytest.raises(LedgerError, match=f"picture {sha256} in .* is damaged; restore it"):
        evidence.get(sha256)


def test_picture_that_broke_off_is_written_anew(tmp_path: Path) -> None:
    evidence = FileEvidence(tmp_path)
    sha256 = evidence.put(JPEG, "image/jpeg").sha256
    (tmp_path / files_below(tmp_path)[0]).write_bytes(JPEG[:4])
    evidence.put(JPEG, "image/jpeg")
    assert evidence.get(sha256) == JPEG


def test_store_that_can_not_be_written_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("a file where the folder should be")
    evidence = FileEvidence(tmp_path / "evidence")
    with pytest.raises(LedgerError, match=r"can't be stored in .*evidence: .*; free space or check permissions"):
        evidence.put(JPEG, "image/jpeg")


def test_root_that_fsspec_does_not_know_is_refused() -> None:
    with pytest.raises(LedgerError, match=r"the evidence store nowhere://bucket can't be opened: .*nowhere"):
        FileEvidence("nowhere://bucket")


FULL_DISK = """
import resource, signal, sys
from inspector.errors import LedgerError
from inspector.adapters.ledger import FileEvidence
from inspector.adapters.ledger.picture_files import MIN_AGE_TO_REMOVE_S
evidence = FileEvidence(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
try:
    evidence.put(b"\\xff\\xd8\\xff" + bytes(200_000), "image/jpeg")
except LedgerError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(len(evidence.get(evidence.put(b"\\xff\\xd8\\xff" + bytes(200_000), "image/jpeg").sha256)))
"""


def test_disk_that_fills_up_in_the_middle_leaves_nothing_half(tmp_path: Path) -> None:
    """The system itself refuses the bytes beyond a limit, as it does on a full disk."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said == [
        f"a picture can't be stored in {tmp_path}: File too large; free space or check permissions",
        "200003",
    ]
    assert len(files_below(tmp_path)) == 1


def test_leftovers_of_dead_writers_are_cleared_away_and_those_of_the_living_are_not(tmp_path: Path) -> None:
    partial = tmp_path / ".partial"
    partial.mkdir()
    for name, age_s in (("dead", 7200), ("alive", 10)):
        (partial / name).write_bytes(b"half a pic")
        then = (partial / name).stat().st_mtime - age_s
        os.utime(partial / name, (then, then))
    FileEvidence(tmp_path)
    assert files_below(tmp_path) == [Path(".partial/alive")]


def aged(root: Path, seconds: float) -> Path:
    """The one picture in the store, made older."""
    [path] = root.rglob("*.jpg")
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))
    return path


def test_old_picture_is_removed_and_a_young_one_stays(tmp_path: Path) -> None:
    evidence = FileEvidence(tmp_path)
    sha256 = evidence.put(JPEG, "image/jpeg").sha256
    evidence.remove(sha256)
    assert evidence.get(sha256) == JPEG
    aged(tmp_path, 2 * MIN_AGE_TO_REMOVE_S)
    evidence.remove(sha256)
    evidence.remove(sha256)
    assert not holds(evidence, sha256)
    assert files_below(tmp_path) == []


def test_old_picture_that_is_put_again_is_young_again(tmp_path: Path) -> None:
    evidence = FileEvidence(tmp_path)
    sha256 = evidence.put(JPEG, "image/jpeg").sha256
    aged(tmp_path, 2 * MIN_AGE_TO_REMOVE_S)
    evidence.put(JPEG, "image/jpeg")
    evidence.remove(sha256)
    assert evidence.get(sha256) == JPEG


def test_picture_put_while_it_is_removed_is_there_afterwards(tmp_path: Path) -> None:
    """Whoever was told that it is stored may name it."""
    evidence = FileEvidence(tmp_path)
    sha256 = evidence.put(JPEG, "image/jpeg").sha256
    with ThreadPoolExecutor(4) as threads:
        for _ in range(50):
            aged(tmp_path, 2 * MIN_AGE_TO_REMOVE_S)
            puts = [threads.submit(evidence.put, JPEG, "")]
            removed = threads.submit(evidence.remove, sha256)
            puts.append(threads.submit(evidence.put, JPEG, ""))
            assert [put.result().sha256 for put in puts] == [sha256, sha256]
            removed.result()
            assert evidence.get(sha256) == JPEG


def test_old_picture_in_another_store_is_removed_too() -> None:
    """A store that can't make a file older: its clock is what it is."""
    evidence = FileEvidence("memory://evidence")
    sha256 = evidence.put(JPEG, "image/jpeg").sha256
    evidence.remove(sha256)
    assert holds(evidence, sha256)
    fsspec.filesystem("memory").store[f"/evidence/{sha256[:2]}/{sha256[2:4]}/{sha256}.jpg"].modified -= timedelta(
        days=2
    )
    evidence.remove(sha256)
    assert not holds(evidence, sha256)
    fsspec.filesystem("memory").store.clear()
