"""Stores pictures by the sha256 of their bytes, in a folder or any other place that fsspec supports.

A picture is `ab/cd/<sha256>.<suffix>` below the root. It appears there complete or not at all, and stays unchanged
until it is removed. Storing a picture again renews its age, because the caller is about to refer to it; recently stored
pictures are never removed.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import fsspec
from fsspec.implementations.local import LocalFileSystem

from inspector.domain.part import Evidence
from inspector.domain.picture_format import FORMATS, picture_format
from inspector.errors import LedgerError


class StoredFormat(NamedTuple):
    """How a picture is stored: its media type, and the suffix of its file."""

    media_type: str
    suffix: str


STORED_FORMATS: Final = tuple(StoredFormat(each.media_types[0], each.suffix) for each in FORMATS.values())
UNKNOWN: Final = StoredFormat("application/octet-stream", "bin")
SHA256: Final = re.compile(r"[0-9a-f]{64}")
PARTIAL_FOLDER: Final = ".partial"
SLOT_FOLDER: Final = "unknown"  # no folder of evidence has this name: those are two hex digits
STALE_PARTIAL_S: Final = 3600.0  # older partial pictures belong to a process that died
MIN_AGE_TO_REMOVE_S: Final = 24 * 3600.0  # the row that names a picture may wait this long for its database


class FileEvidence:
    """Stores pictures below `root`, a folder or an fsspec URL such as s3://bucket/evidence.

    Safe for several threads and processes: they write the same bytes to the same name.
    """

    def __init__(self, root: str | Path) -> None:
        with _translated(f"the evidence store {root} can't be opened"):
            self._files, self._root = _opened(str(root))
            self._is_local = isinstance(self._files, LocalFileSystem)
            if self._is_local:
                _sweep(Path(self._root) / PARTIAL_FOLDER)

    def put(self, data: bytes, media_type: str) -> Evidence:
        """Store a picture. Its bytes decide the media type, not what the camera declares."""
        sha256 = hashlib.sha256(data).hexdigest()
        stored = _stored_format(data)
        path = self._path(sha256, stored)
        with _translated(f"a picture can't be stored in {self._root}"):
            if not self._has(path, len(data)):
                self._write(path, data)
        declared = media_type or stored.media_type
        return Evidence(sha256, declared if stored is UNKNOWN else stored.media_type, len(data))

    def get(self, sha256: str) -> bytes:
        if not SHA256.fullmatch(sha256):
            raise KeyError(sha256)
        data = self._read(sha256)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise LedgerError(f"picture {sha256} in {self._root} is damaged; restore it from a backup")
        return data

    def remove(self, sha256: str) -> None:
        with _translated(f"picture {sha256} can't be removed from {self._root}"):
            for stored in (*STORED_FORMATS, UNKNOWN):
                with suppress(FileNotFoundError):
                    self._remove(self._path(sha256, stored))

    def put_slot(self, name: str, data: bytes) -> None:
        """Write over a picture that is no evidence, under a name of the caller's."""
        with _translated(f"a picture can't be stored in {self._root}"):
            self._write(self._slot_path(name), data)

    def get_slot(self, name: str) -> bytes:
        """Return what was last written under this name. Raises LedgerError if nothing was."""
        with _translated(f"picture {name} can't be read from {self._root}"):
            return bytes(self._files.cat_file(self._slot_path(name)))

    def _slot_path(self, name: str) -> str:
        return f"{self._root}/{SLOT_FOLDER}/{name}"

    def _path(self, sha256: str, stored: StoredFormat) -> str:
        return f"{self._root}/{sha256[:2]}/{sha256[2:4]}/{sha256}.{stored.suffix}"

    def _has(self, path: str, size: int) -> bool:
        """Return whether the picture is there and recent. The size is compared because some stores can hold a truncated
        one.
        """
        try:
            return bool(self._files.size(path) == size) and self._age_s(path) < MIN_AGE_TO_REMOVE_S / 2
        except FileNotFoundError:
            return False

    def _age_s(self, path: str) -> float:
        if self._is_local:
            return time.time() - Path(path).stat().st_mtime
        return float(time.time() - self._files.modified(path).timestamp())

    def _remove(self, path: str) -> None:
        if self._age_s(path) < MIN_AGE_TO_REMOVE_S:
            return
        if self._is_local:
            _remove_old(Path(path), Path(self._root) / PARTIAL_FOLDER)
        else:
            self._files.rm_file(path)

    def _write(self, path: str, data: bytes) -> None:
        if self._is_local:
            _write_durably(Path(path), data, Path(self._root) / PARTIAL_FOLDER)
        else:
            self._files.pipe_file(path, data)

    def _read(self, sha256: str) -> bytes:
        with _translated(f"picture {sha256} can't be read from {self._root}"):
            for stored in (*STORED_FORMATS, UNKNOWN):
                try:
                    return bytes(self._files.cat_file(self._path(sha256, stored)))
                except FileNotFoundError:
                    continue
        raise KeyError(sha256)


def _opened(root: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """Return the file system and the path there. A folder's name may hold what separates the parts of a URL."""
    return (LocalFileSystem(), root) if Path(root).is_absolute() else fsspec.url_to_fs(root)


def _stored_format(data: bytes) -> StoredFormat:
    name = picture_format(data)
    return UNKNOWN if name is None else StoredFormat(FORMATS[name].media_types[0], FORMATS[name].suffix)


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


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LedgerError(f"{what}: {error.strerror or error}; free space or check permissions") from error
    except (ImportError, ValueError) as error:
        raise LedgerError(f"{what}: {error}") from error
