"""Recordings on disk, one JSON line per part: an interrupted run resumes, and further strategies need no model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from inspector.errors import InspectorError
from inspector.lab.evaluation.recording import Recording

_RECORDINGS: Final = TypeAdapter(Recording)


class RecordingFile:
    """An append-only file. It may also hold recordings of other models or declarations."""

    def __init__(self, path: Path) -> None:
        """Raises InspectorError for an unusable file, or one with a row that is no recording."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._recordings = {recording.key: recording for recording in _complete_rows(path)}
        except OSError as error:
            raise InspectorError(f"{path} can't be used for votes: {error}; name another file with --votes") from error

    def find(self, sha256: str, fingerprint: str) -> Recording | None:
        return self._recordings.get((sha256, fingerprint))

    def newest(self) -> dict[str, Recording]:
        """The last recording of each picture, by the picture's sha256."""
        return {recording.sha256: recording for recording in self._recordings.values()}

    def add(self, recording: Recording) -> None:
        try:
            with self.path.open("ab") as file:
                file.write(_RECORDINGS.dump_json(recording, by_alias=True) + b"\n")
        except OSError as error:
            raise InspectorError(f"{self.path} can't be written: {error}; free disk space and run again") from error
        self._recordings[recording.key] = recording


def _complete_rows(path: Path) -> Iterator[Recording]:
    """The recordings of a file; a last row that an interrupted run left incomplete is cut off."""
    if not path.exists():
        return
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    if end < len(data):
        with path.open("r+b") as file:
            file.truncate(end)
    for number, row in enumerate(data[:end].splitlines(), 1):
        try:
            yield _RECORDINGS.validate_json(row)
        except ValidationError as error:
            raise InspectorError(f"{path} row {number} holds no votes; name another file with --votes") from error
