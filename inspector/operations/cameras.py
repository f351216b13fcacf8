"""Cameras, declared and unknown: list and change them, and write the last pictures of unknown ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from inspector.adapters.ledger import (
    SqlArchive,
    SqlCameraChangeStore,
    SqlLineStore,
    SqlUnknownCameras,
)
from inspector.bootstrap.evidence import open_evidence
from inspector.domain.cameras import CameraSettings, Region
from inspector.domain.picture_format import FORMATS, picture_format
from inspector.errors import InspectorError
from inspector.lines.cameras import CameraEntry, CameraRequest, Cameras
from inspector.lines.states import LineStates
from inspector.operations.line_states import user_name
from inspector.ports.unknown_cameras import StoredUnknownPicture
from inspector.settings import Settings


@contextmanager
def cameras_of(settings: Settings) -> Iterator[Cameras]:
    """Yield the cameras of this installation. Raises LedgerError."""
    with closing(SqlArchive(settings.database)) as archive:
        states = LineStates(archive, SqlLineStore(settings.database))
        yield Cameras(states, archive, _store(settings), SqlCameraChangeStore(settings.database))


def read_region(written: str) -> Region | None:
    """Read a region as commands take it. Raises InspectorError, with the remedy."""
    if not written:
        return None
    try:
        return CameraSettings.model_validate({"region": [float(side) for side in written.split(",")]}).region
    except ValueError as error:
        raise InspectorError(
            f"region: {written!r} is none; write LEFT,TOP,RIGHT,BOTTOM as shares of the picture, such as 0.1,0,0.9,1"
        ) from error


def camera_request(line: str, camera: str, reason: str) -> CameraRequest:
    """Return the request of a command's user."""
    return CameraRequest(line, camera, user_name(), reason)


def write_pictures(settings: Settings, line: str, camera: str, folder: Path) -> list[Path]:
    """Write the kept pictures of an undeclared camera. Raises InspectorError where there are none."""
    store = _store(settings)
    stored = [each for each in store.pictures() if (each.line, each.camera) == (line, camera)]
    if not stored:
        raise InspectorError(f"no pictures of {line}/{camera} are kept; run: inspector camera list")
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder, number, each, store.read(each)) for number, each in enumerate(stored, 1)]


def as_json(camera: CameraEntry) -> dict[str, Any]:
    row = camera.row
    return {
        "line": camera.line,
        "camera": camera.camera,
        "declared": camera.is_declared,
        "paused": camera.is_paused,
        "region": camera.region,
        "status": row and row.status,
        "frames": row.frames if row else 0,
        "lost": row.lost if row else 0,
        "first_seen": row and row.first_seen,
        "last_seen": row and row.last_seen,
        "pictures": [
            {"sha256": each.sha256, "size_bytes": each.size_bytes, "received_at": each.received_at}
            for each in camera.pictures
        ],
    }


def _store(settings: Settings) -> SqlUnknownCameras:
    return SqlUnknownCameras(settings.database, open_evidence(settings))


def _write(folder: Path, number: int, picture: StoredUnknownPicture, data: bytes) -> Path:
    kind = picture_format(data)
    file = folder / f"{picture.line}-{picture.camera}-{number}.{FORMATS[kind].suffix if kind else 'bin'}"
    file.write_bytes(data)
    return file
