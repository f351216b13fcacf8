"""List cameras, declared and unknown, and write the last pictures of unknown ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from inspector.adapters.ledger import FileEvidence, SqlArchive, SqlUnknownCameras
from inspector.domain.picture_format import FORMATS, picture_format
from inspector.errors import InspectorError
from inspector.ports.ledger import CameraRow, PipelineVersion
from inspector.ports.unknown_cameras import StoredUnknownPicture
from inspector.settings import Settings


@dataclass(frozen=True, slots=True)
class ListedCamera:
    """A camera with its figures. `pictures` are those that are kept of an undeclared one."""

    line: str
    camera: str
    is_declared: bool
    status: str | None = None
    frames: int = 0
    lost: int = 0
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    pictures: tuple[StoredUnknownPicture, ...] = ()


def list_cameras(settings: Settings) -> list[ListedCamera]:
    """List the cameras that lines declare now and those that were ever seen, by line and name. Raises LedgerError."""
    with closing(SqlArchive(settings.database)) as archive:
        rows, versions = archive.list_cameras(), archive.list_pipelines()
    pictures: dict[tuple[str, str], list[StoredUnknownPicture]] = defaultdict(list)
    for each in _store(settings).pictures():
        pictures[each.line, each.camera].append(each)
    return sorted(_listed(rows, versions, pictures), key=lambda each: (each.line, each.camera))


def write_pictures(settings: Settings, line: str, camera: str, folder: Path) -> list[Path]:
    """Write the kept pictures of an undeclared camera. Raises InspectorError where there are none."""
    store = _store(settings)
    stored = [each for each in store.pictures() if (each.line, each.camera) == (line, camera)]
    if not stored:
        raise InspectorError(f"no pictures of {line}/{camera} are kept; run: inspector camera list")
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder, number, each, store.read(each)) for number, each in enumerate(stored, 1)]


def as_json(camera: ListedCamera) -> dict[str, Any]:
    return {
        "line": camera.line,
        "camera": camera.camera,
        "declared": camera.is_declared,
        "status": camera.status,
        "frames": camera.frames,
        "lost": camera.lost,
        "first_seen": camera.first_seen,
        "last_seen": camera.last_seen,
        "pictures": [
            {"sha256": each.sha256, "size_bytes": each.size_bytes, "received_at": each.received_at}
            for each in camera.pictures
        ],
    }


def _store(settings: Settings) -> SqlUnknownCameras:
    return SqlUnknownCameras(settings.database, FileEvidence(settings.evidence))


def _listed(
    rows: Sequence[CameraRow],
    versions: Sequence[PipelineVersion],
    pictures: Mapping[tuple[str, str], Sequence[StoredUnknownPicture]],
) -> Iterator[ListedCamera]:
    lines = {version.pipeline.line: version.pipeline for version in versions}
    seen = {(row.line, row.camera): row for row in rows}
    declared = {(line, camera) for line, pipeline in lines.items() for camera in pipeline.named_cameras}
    for line, camera in sorted(declared | seen.keys() | pictures.keys()):
        is_declared = line in lines and lines[line].accepts_camera(camera)
        kept = () if is_declared else tuple(pictures.get((line, camera), ()))
        row = seen.get((line, camera))
        found = ListedCamera(line, camera, is_declared, pictures=kept)
        yield _with_figures(found, row) if row else found


def _with_figures(camera: ListedCamera, row: CameraRow) -> ListedCamera:
    figures = replace(camera, status=row.status, frames=row.frames, lost=row.lost)
    return replace(figures, first_seen=row.first_seen, last_seen=row.last_seen)


def _write(folder: Path, number: int, picture: StoredUnknownPicture, data: bytes) -> Path:
    kind = picture_format(data)
    file = folder / f"{picture.line}-{picture.camera}-{number}.{FORMATS[kind].suffix if kind else 'bin'}"
    file.write_bytes(data)
    return file
