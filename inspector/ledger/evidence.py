"""Keeps pictures by the sha256 of their bytes, in a folder or any other place fsspec knows.

A picture is `ab/cd/<sha256>.<ext>` under the root. It appears there whole or not at all, and stays as it is.
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

from inspector.errors import LedgerError
from inspector.part import Evidence


class Kind(NamedTuple):
    media_type: str
    ext: str
    signature: re.Pattern[bytes]


KINDS: Final = (
    Kind("image/jpeg", "jpg", re.compile(rb"\xff\xd8\xff")),
    Kind("image/png", "png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    Kind("image/webp", "webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    Kind("image/tiff", "tif", re.compile(rb"II\*\0|MM\0\*")),
    Kind("image/bmp", "bmp", re.compile(rb"BM")),
)
UNKNOWN: Final = Kind("application/octet-stream", "bin", re.compile(rb""))
SHA256: Final = re.compile(r"[0-9a-f]{64}")
PARTIAL: Final = ".partial"
STALE_S: Final = 3600.0  # a partial picture this old belongs to a process that died


class FileEvidence:
    """`root` is a folder or an fsspec URL such as s3://bucket/evidence. Safe to use from several threads and
    processes: they write the same bytes to the same name."""

    def __init__(self, root: str | Path) -> None:
        with _translated(f"the evidence store {root} can't be opened"):
            self._files, self._root = fsspec.url_to_fs(str(root))
            self._is_local = isinstance(self._files, LocalFileSystem)
            if self._is_local:
                _sweep(Path(self._root) / PARTIAL)

    def put(self, data: bytes, media_type: str) -> Evidence:
        """What the bytes are counts more than what the camera said they are."""
        sha256 = hashlib.sha256(data).hexdigest()
        kind = _kind(data)
        path = self._path(sha256, kind)
        with _translated(f"a picture can't be stored in {self._root}"):
            if not self._has(path, len(data)):
                self._write(path, data)
        return Evidence(sha256, kind.media_type if kind is not UNKNOWN else media_type or kind.media_type, len(data))

    def get(self, sha256: str) -> bytes:
        if not SHA256.fullmatch(sha256):
            raise KeyError(sha256)
        data = self._read(sha256)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise LedgerError(f"picture {sha256} in {self._root} is damaged; restore it from a backup")
        return data

    def _path(self, sha256: str, kind: Kind) -> str:
        return f"{self._root}/{sha256[:2]}/{sha256[2:4]}/{sha256}.{kind.ext}"

    def _has(self, path: str, size: int) -> bool:
        """The size is compared for the sake of stores where a picture may break off while it is written."""
        try:
            return bool(self._files.size(path) == size)
        except FileNotFoundError:
            return False

    def _write(self, path: str, data: bytes) -> None:
        if self._is_local:
            _write_durably(Path(path), data, Path(self._root) / PARTIAL)
        else:
            self._files.pipe_file(path, data)

    def _read(self, sha256: str) -> bytes:
        with _translated(f"picture {sha256} can't be read from {self._root}"):
            for kind in (*KINDS, UNKNOWN):
                try:
                    return bytes(self._files.cat_file(self._path(sha256, kind)))
                except FileNotFoundError:
                    continue
        raise KeyError(sha256)


def _kind(data: bytes) -> Kind:
    return next((kind for kind in KINDS if kind.signature.match(data)), UNKNOWN)


def _write_durably(path: Path, data: bytes, partial: Path) -> None:
    """The bytes reach the disk before the name does, and the name before this returns."""
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
            if draft.stat().st_mtime < time.time() - STALE_S:
                draft.unlink()


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LedgerError(f"{what}: {error.strerror or error}; free space or check permissions") from error
    except (ImportError, ValueError) as error:
        raise LedgerError(f"{what}: {error}") from error
