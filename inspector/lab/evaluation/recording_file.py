"""Tapes on disk, one JSON line a part: a stopped run goes on where it was, and other strategies need no model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from inspector.errors import InspectorError
from inspector.lab.evaluation.recording import Recording

_RECORDINGS: Final = TypeAdapter(Recording)


class RecordingFile:
    """Append-only. Tapes of other models or declarations may stand in the same file."""

    def __init__(self, path: Path) -> None:
        """Raises InspectorError, naming the row, for a file that holds something else."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._recordings = {recording.key: recording for recording in _whole(path)}
        except OSError as error:
            raise InspectorError(f"{path} can't be used for votes: {error}; name another file with --votes") from error

    def find(self, sha256: str, fingerprint: str) -> Recording | None:
        return self._recordings.get((sha256, fingerprint))

    def newest(self) -> dict[str, Recording]:
        """By the picture's sha256: of every picture the recording that was written last."""
        return {recording.sha256: recording for recording in self._recordings.values()}

    def add(self, recording: Recording) -> None:
        try:
            with self.path.open("ab") as file:
                file.write(_RECORDINGS.dump_json(recording, by_alias=True) + b"\n")
        except OSError as error:
            raise InspectorError(f"{self.path} can't be written: {error}; make room and run again") from error
        self._recordings[recording.key] = recording


def _whole(path: Path) -> Iterator[Recording]:
    """The recordings of a file, after cutting off a last row that a killed run left unfinished."""
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
