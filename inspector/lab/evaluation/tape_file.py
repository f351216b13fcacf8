"""Tapes on disk, one JSON line a part: a stopped run goes on where it was, and other strategies need no model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from inspector.errors import InspectorError
from inspector.lab.evaluation.tape import Tape

_TAPES: Final = TypeAdapter(Tape)


class TapeFile:
    """Append-only. Tapes of other models or declarations may stand in the same file."""

    def __init__(self, path: Path) -> None:
        """Raises InspectorError, naming the row, for a file that holds something else."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._tapes = {tape.key: tape for tape in _whole(path)}
        except OSError as error:
            raise InspectorError(f"{path} can't be used for votes: {error}; name another file with --votes") from error

    def find(self, sha256: str, fingerprint: str) -> Tape | None:
        return self._tapes.get((sha256, fingerprint))

    def newest(self) -> dict[str, Tape]:
        """By the picture's sha256: of every picture the tape that was written last."""
        return {tape.sha256: tape for tape in self._tapes.values()}

    def add(self, tape: Tape) -> None:
        try:
            with self.path.open("ab") as file:
                file.write(_TAPES.dump_json(tape) + b"\n")
        except OSError as error:
            raise InspectorError(f"{self.path} can't be written: {error}; make room and run again") from error
        self._tapes[tape.key] = tape


def _whole(path: Path) -> Iterator[Tape]:
    """The tapes of a file, after cutting off a last row that a killed run left unfinished."""
    if not path.exists():
        return
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    if end < len(data):
        with path.open("r+b") as file:
            file.truncate(end)
    for number, row in enumerate(data[:end].splitlines(), 1):
        try:
            yield _TAPES.validate_json(row)
        except ValidationError as error:
            raise InspectorError(f"{path} row {number} holds no votes; name another file with --votes") from error
