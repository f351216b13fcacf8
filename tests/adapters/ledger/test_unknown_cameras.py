"""The last pictures of undeclared cameras: eight of each, of a bounded number of cameras."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.fakes import NOON

from inspector.adapters.ledger import FileEvidence, SqlUnknownCameras
from inspector.adapters.ledger.unknown_cameras import FORGOTTEN_AFTER, MAX_UNKNOWN_CAMERAS, PICTURES_PER_CAMERA
from inspector.errors import LedgerError
from inspector.ports.unknown_cameras import UnknownPicture


@pytest.fixture
def store(database: str, tmp_path: Path) -> SqlUnknownCameras:
    return SqlUnknownCameras(database, FileEvidence(tmp_path / "evidence"))


def picture(number: int, camera: str = "cam9", line: str = "pcb") -> UnknownPicture:
    return UnknownPicture(line, camera, b"picture %d" % number, NOON + timedelta(seconds=number))


def test_last_eight_pictures_of_a_camera_stay(store: SqlUnknownCameras, tmp_path: Path) -> None:
    store.keep([picture(number) for number in range(20)])
    kept = store.pictures()
    assert [store.read(each) for each in kept] == [b"picture %d" % number for number in range(19, 11, -1)]
    files = [path for path in (tmp_path / "evidence" / "unknown").iterdir() if path.is_file()]
    assert len(files) == PICTURES_PER_CAMERA


def test_flood_of_names_is_bounded_and_leaves_the_first_ones(store: SqlUnknownCameras) -> None:
    store.keep([picture(number, f"cam-{number}") for number in range(100)])
    assert len(store.pictures()) == MAX_UNKNOWN_CAMERAS
    late = picture(200, "new")._replace(received_at=NOON + FORGOTTEN_AFTER + timedelta(seconds=1))
    store.keep([late])
    cameras = {each.camera for each in store.pictures()}
    assert "new" in cameras
    assert "cam-0" not in cameras, "it was not seen for the longest time"
    assert len(cameras) == MAX_UNKNOWN_CAMERAS


def test_picture_that_was_written_over_is_not_taken_for_the_listed_one(store: SqlUnknownCameras) -> None:
    store.keep([picture(0)])
    [listed] = store.pictures()
    store.keep([picture(number) for number in range(1, 9)])
    with pytest.raises(LedgerError, match="newer picture of pcb/cam9 took this one's place"):
        store.read(listed)
