"""The last pictures of undeclared cameras: eight of each, of a bounded number of cameras."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.fakes import NOON

from inspector.adapters.ledger import FileEvidence, SqlUnknownCameras
from inspector.adapters.ledger.unknown_cameras import (
    FORGOTTEN_AFTER,
    MAX_UNKNOWN_CAMERAS,
    PICTURES_PER_CAMERA,
    PINNED_PER_CAMERA,
)
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


def test_pinned_pictures_stay_until_their_time_whatever_the_camera_sends(store: SqlUnknownCameras) -> None:
    store.keep([picture(number) for number in range(8)])
    store.pin(store.pictures(), NOON + timedelta(hours=1))
    store.keep([picture(number) for number in range(100, 130)])
    kept = [store.read(each) for each in store.pictures()]
    assert kept[8:] == [b"picture %d" % number for number in range(7, -1, -1)]
    assert kept[:8] == [b"picture %d" % number for number in range(129, 121, -1)]
    store.keep([picture(3700)])
    assert [each.received_at for each in store.pictures()] == [
        picture(number).received_at for number in (3700, *range(129, 122, -1))
    ]


def test_pins_of_a_camera_are_bounded_and_the_earliest_is_released(store: SqlUnknownCameras) -> None:
    for turn in range(5):
        first = 100 * turn
        store.keep([picture(number) for number in range(first, first + 8)])
        store.pin(store.pictures()[:8], NOON + timedelta(hours=1, seconds=turn))
    pinned = [each for each in store.pictures() if each.pinned_until]
    assert {each.received_at for each in pinned} == {
        picture(number).received_at for start in (300, 400) for number in range(start, start + 8)
    }
    assert len(store.pictures()) <= PICTURES_PER_CAMERA + PINNED_PER_CAMERA


def test_camera_whose_pictures_are_pinned_is_not_forgotten(store: SqlUnknownCameras) -> None:
    store.keep([picture(number, f"cam-{number}") for number in range(MAX_UNKNOWN_CAMERAS)])
    late = NOON + FORGOTTEN_AFTER + timedelta(minutes=1)
    store.pin([each for each in store.pictures() if each.camera == "cam-0"], late + timedelta(minutes=59))
    store.keep([picture(0, "new")._replace(received_at=late)])
    cameras = {each.camera for each in store.pictures()}
    assert {"cam-0", "new"} <= cameras
    assert "cam-1" not in cameras
