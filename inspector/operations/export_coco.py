"""Write reviewed parts as a COCO data set into a folder."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from inspector.adapters.ledger import SqlArchive
from inspector.bootstrap.evidence import open_evidence
from inspector.errors import InspectorError
from inspector.lines.states import live_version
from inspector.reviewing.coco_export import ANNOTATIONS_FILE, CocoDataSet, ExportedFile
from inspector.settings import Settings
from inspector.utc import utc_now


def export_data_set(settings: Settings, line: str, folder: Path, limit: int | None) -> dict[str, Any]:
    """Write pictures, labels and annotations; return the numbers of parts. The annotations are written last.

    Raises InspectorError for a folder that holds something, and NotFoundError for an unknown line.
    """
    with closing(SqlArchive(settings.database)) as archive:
        defects = live_version(archive, line).pipeline.defects
        data_set = CocoDataSet(line, {name: str(severity) for name, severity in defects.items()}, utc_now())
        _require_empty(folder)
        try:
            for file in data_set.files(archive, open_evidence(settings), limit):
                _write(folder, file)
        except OSError as error:
            raise InspectorError(f"{folder} can't be written: {error.strerror or error}; name another one") from error
    counts = data_set.counts
    return {"ok": counts["ok"], "ng": counts["ng"], "boxes": len(data_set.annotations), "left_out": counts["left_out"]}


def _require_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InspectorError(f"{folder} is not an empty folder; name a new one, which will hold {ANNOTATIONS_FILE}")


def _write(folder: Path, file: ExportedFile) -> None:
    target = folder / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(file.data)
