"""Keeps the answers of a station in a file of its own while the ledger can't.

The file is allocated before it is needed: a full disk is one reason why the ledger is away. A line holds a checksum and
one answered part; a zero byte ends the lines, so that the file starts over without being cut. Each process writes a
file of its own and holds a lock on it. What is not locked was left by a process that ended, and is taken over.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ConfigDict, TypeAdapter, ValidationError

from inspector.domain.part import PartRecord
from inspector.errors import LedgerError
from inspector.ports.answers import AnsweredPart
from inspector.ports.broker import OutgoingMessage

ALLOCATED_BYTES: Final = 4 * 2**20  # some 2,000 answers
MAX_BYTES: Final = 128 * 2**20  # more than the answers of the largest receive_maximum
CHECKSUM_DIGITS: Final = 8
END: Final = b"\0"
REMEDY: Final = "check the space and the permissions of INSPECTOR_DATA"


class JournalRow(NamedTuple):
    """One answered part as it is written."""

    part: PartRecord
    messages: list[OutgoingMessage]


ROW: Final = TypeAdapter(JournalRow, config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64"))


class FileAnswerJournal:
    """ports.AnswerJournal below `folder`, for the station of this number. Not for several threads at once."""

    def __init__(self, folder: Path, station: int) -> None:
        self._folder = folder
        self._prefix = f"station-{station}-"
        self._file: _LockedFile | None = None
        self._lines: dict[str, bytes] = {}
        self._end = 0
        self._is_behind = False  # a write failed: the file lacks lines

    def read(self) -> list[AnsweredPart]:
        with _translated(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            with _taken_over(sorted(self._folder.glob(f"{self._prefix}*"))) as files:
                found = {line.part.result_id: line for file in files for line in _rows(file.read())}
                self._lines |= {result_id: _line(row) for result_id, row in found.items()}
                self._start_over()
        return [AnsweredPart(*row) for row in found.values()]

    def write(self, answered: Sequence[AnsweredPart], recorded: Sequence[str]) -> None:
        added = {each.part.result_id: _line(JournalRow(each.part, each.messages)) for each in answered}
        self._lines |= added
        for result_id in recorded:
            self._lines.pop(result_id, None)
        with _translated(self._folder):
            is_too_long = self._end + sum(map(len, added.values())) >= MAX_BYTES
            if self._file is None or self._is_behind or is_too_long:
                self._start_over()
            elif added or not self._lines:
                self._append(self._file, added.values() if self._lines else ())

    def close(self) -> None:
        """Remove the file unless it holds parts that the ledger does not have."""
        if self._file is not None:
            self._file.close(keep=bool(self._lines))
            self._file = None

    def _append(self, file: _LockedFile, lines: Iterable[bytes]) -> None:
        """Write lines behind the earlier ones; at the beginning where none of those is needed any more."""
        start, self._is_behind = self._end if self._lines else 0, True
        self._end = file.put(start, b"".join(lines))
        self._is_behind = False

    def _start_over(self) -> None:
        """Write what is still needed to a new file, then remove the old one."""
        lines = b"".join(self._lines.values())
        if len(lines) >= MAX_BYTES:
            raise LedgerError(f"the journal in {self._folder} is full: {len(self._lines)} answers wait for the ledger")
        self._folder.mkdir(parents=True, exist_ok=True)
        file = _LockedFile(self._folder / f"{self._prefix}{secrets.token_hex(8)}.journal")
        self._end = file.allocate(lines)
        if self._file is not None:
            self._file.close(keep=False)
        self._file, self._is_behind = file, False


class _LockedFile:
    """A file that this process alone writes, for as long as it lives."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._handle)
            raise

    def allocate(self, lines: bytes) -> int:
        """Reserve the space of later lines, and write the first ones."""
        try:
            os.posix_fallocate(self._handle, 0, max(ALLOCATED_BYTES, len(lines) + 1))
            return self.put(0, lines)
        except OSError:
            self.close(keep=False)
            raise

    def put(self, start: int, lines: bytes) -> int:
        """Write lines and their end, durable on return; return where the next ones begin."""
        view = memoryview(lines + END)
        place = start
        while view:
            written = os.pwrite(self._handle, view, place)
            view, place = view[written:], place + written
        os.fdatasync(self._handle)
        return start + len(lines)

    def read(self) -> bytes:
        return self._path.read_bytes()

    def close(self, *, keep: bool) -> None:
        if not keep:
            self._path.unlink(missing_ok=True)
        os.close(self._handle)


@contextmanager
def _taken_over(paths: Iterable[Path]) -> Iterator[list[_LockedFile]]:
    """Yield the files that no process writes any more; they are removed afterwards unless an error ends the block."""
    files: list[_LockedFile] = []
    for path in paths:
        with suppress(BlockingIOError):  # its process still runs, and records its parts itself
            files.append(_LockedFile(path))
    keep = True
    try:
        yield files
        keep = False
    finally:
        for file in files:
            file.close(keep=keep)


def _line(row: JournalRow) -> bytes:
    written = ROW.dump_json(row)
    return b"%08x %b\n" % (zlib.crc32(written), written)


def _rows(data: bytes) -> Iterator[JournalRow]:
    """Yield the rows up to the first one that was not written whole."""
    for line in data.partition(END)[0].splitlines():
        checksum, written = line[:CHECKSUM_DIGITS], line[CHECKSUM_DIGITS + 1 :]
        if checksum != b"%08x" % zlib.crc32(written):
            return
        with suppress(ValidationError):  # of an earlier version
            yield ROW.validate_json(written)


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LedgerError(f"answers can't be kept in {folder}: {error.strerror or error}; {REMEDY}") from error
