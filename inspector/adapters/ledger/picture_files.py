"""Names and bytes below one root: a folder of this machine, or any place that fsspec supports.

A name appears with all of its bytes or not at all.
"""

from __future__ import annotations

import os
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import fsspec

PARTIAL_FOLDER: Final = ".partial"
STALE_PARTIAL_S: Final = 3600.0  # older partial pictures belong to a process that died
MIN_AGE_TO_REMOVE_S: Final = 24 * 3600.0  # the row that names a picture may wait this long for its database


class StoredFile(NamedTuple):
    """What lies under a name: its size and its age."""

    size_bytes: int
    age_s: float

    def is_whole_and_recent(self, size_bytes: int) -> bool:
        """Return whether it need not be written again. Some stores can hold a truncated one."""
        return self.size_bytes == size_bytes and self.age_s < MIN_AGE_TO_REMOVE_S / 2


class PictureFiles(Protocol):
    """Files by their paths. Raises OSError, and FileNotFoundError for a name without a file."""

    def store(self, path: str, data: bytes) -> None:
        """Write bytes under a name that always stands for them, unless they are there and recent."""

    def write(self, path: str, data: bytes) -> None:
        """Write over what the name stands for."""

    def read(self, path: str) -> bytes: ...

    def remove_old(self, path: str) -> None:
        """Remove a file that was written at least MIN_AGE_TO_REMOVE_S ago."""


class LocalFiles:
    """PictureFiles in a folder of this machine. What it wrote is on the disk."""

    def __init__(self, root: str) -> None:
        self._partial = Path(root) / PARTIAL_FOLDER
        _sweep(self._partial)

    def store(self, path: str, data: bytes) -> None:
        with suppress(FileNotFoundError):
            found = Path(path).stat()
            if StoredFile(found.st_size, time.time() - found.st_mtime).is_whole_and_recent(len(data)):
                return
        self.write(path, data)

    def write(self, path: str, data: bytes) -> None:
        _write_durably(Path(path), data, self._partial)

    def read(self, path: str) -> bytes:
        return Path(path).read_bytes()

    def remove_old(self, path: str) -> None:
        if time.time() - Path(path).stat().st_mtime >= MIN_AGE_TO_REMOVE_S:
            _remove_old(Path(path), self._partial)


class FsspecFiles:
    """PictureFiles in a place that fsspec supports."""

    def __init__(self, files: fsspec.AbstractFileSystem) -> None:
        self._files = files

    def store(self, path: str, data: bytes) -> None:
        with suppress(FileNotFoundError):
            if StoredFile(self._files.size(path), self._age_s(path)).is_whole_and_recent(len(data)):
                return
        self.write(path, data)

    def write(self, path: str, data: bytes) -> None:
        self._files.pipe_file(path, data)

    def read(self, path: str) -> bytes:
        return bytes(self._files.cat_file(path))

    def remove_old(self, path: str) -> None:
        if self._age_s(path) >= MIN_AGE_TO_REMOVE_S:
            self._files.rm_file(path)

    def _age_s(self, path: str) -> float:
        return float(time.time() - self._files.modified(path).timestamp())


def _write_durably(path: Path, data: bytes, partial: Path) -> None:
    """Write bytes to the disk before the name, and the name before this returns."""
    _make_folder(partial)
    _make_folder(path.parent)
    draft = partial / uuid.uuid4().hex
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _remove_old(path: Path, partial: Path) -> None:
    """Move the picture away before checking its age: a concurrent `put` then finds it gone and writes it."""
    _make_folder(partial)
    taken = path.replace(partial / uuid.uuid4().hex)
    if time.time() - taken.stat().st_mtime < MIN_AGE_TO_REMOVE_S:
        taken.replace(path)
    else:
        taken.unlink()


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(partial: Path) -> None:
    for draft in partial.glob("*"):
        with suppress(FileNotFoundError):  # its writer has just finished it
            if draft.stat().st_mtime < time.time() - STALE_PARTIAL_S:
                draft.unlink()
