"""Keeps pictures by the sha256 of their bytes, in a folder or any other place fsspec knows.

A picture is `ab/cd/<sha256>.<ext>` under the root. It appears there whole or not at all, and stays as it is until it
is removed. Whoever puts a picture that lies there already is about to name it, as whoever put it first: its age then
begins anew, and young pictures are not removed.
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
from inspector.errors import LedgerError


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
YOUNG_S: Final = 24 * 3600.0  # so long the row that names a picture may be waiting for its database


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

    def remove(self, sha256: str) -> None:
        with _translated(f"picture {sha256} can't be removed from {self._root}"):
            for kind in (*KINDS, UNKNOWN):
                with suppress(FileNotFoundError):
                    self._remove(self._path(sha256, kind))

    def has(self, sha256: str) -> bool:
        """Whether the picture is there; its bytes are not looked at."""
        with _translated(f"picture {sha256} can't be looked for in {self._root}"):
            return any(self._files.exists(self._path(sha256, kind)) for kind in (*KINDS, UNKNOWN))

    def _path(self, sha256: str, kind: Kind) -> str:
        return f"{self._root}/{sha256[:2]}/{sha256[2:4]}/{sha256}.{kind.ext}"

    def _has(self, path: str, size: int) -> bool:
        """Whether the picture is there and young. The size is compared for the sake of stores where a picture may
        break off while it is written."""
        try:
            return bool(self._files.size(path) == size) and self._age_s(path) < YOUNG_S / 2
        except FileNotFoundError:
            return False

    def _age_s(self, path: str) -> float:
        if self._is_local:
            return time.time() - Path(path).stat().st_mtime
        return float(time.time() - self._files.modified(path).timestamp())

    def _remove(self, path: str) -> None:
        if self._age_s(path) < YOUNG_S:
            return
        if self._is_local:
            _remove_old(Path(path), Path(self._root) / PARTIAL)
        else:
            self._files.rm_file(path)

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


def _remove_old(path: Path, partial: Path) -> None:
    """Taken away first and looked at then: whoever puts the same picture meanwhile finds it gone and writes it."""
    _make_folder(partial)
    taken = path.replace(partial / uuid.uuid4().hex)
    if time.time() - taken.stat().st_mtime < YOUNG_S:
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
