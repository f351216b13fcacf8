"""Stores pictures by the sha256 of their bytes: in a folder, in an S3 bucket, or in any place that fsspec supports.

A picture is `ab/cd/<sha256>.<suffix>` below the root. It appears there complete or not at all, and stays unchanged
until it is removed. Storing a picture again renews its age, because the caller is about to refer to it; recently stored
pictures are never removed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import fsspec

from inspector.adapters.ledger.picture_files import FsspecFiles, LocalFiles, PictureFiles
from inspector.adapters.ledger.s3_files import S3_SCHEME, S3Access, S3Files
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
SLOT_FOLDER: Final = "unknown"  # no folder of evidence has this name: those are two hex digits


class FileEvidence:
    """Stores pictures below `root`, a folder or an fsspec URL such as s3://bucket/evidence.

    Safe for several threads and processes: they write the same bytes to the same name.
    """

    def __init__(self, root: str | Path, s3: S3Access | None = None) -> None:
        with _translated(f"the evidence store {root} can't be opened"):
            self._files, self._root = _opened(str(root), s3 or S3Access())

    def put(self, data: bytes, media_type: str) -> Evidence:
        """Store a picture. Its bytes decide the media type, not what the camera declares."""
        sha256 = hashlib.sha256(data).hexdigest()
        stored = _stored_format(data)
        with _translated(f"a picture can't be stored in {self._root}"):
            self._files.store(self._path(sha256, stored), data)
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
                    self._files.remove_old(self._path(sha256, stored))

    def put_slot(self, name: str, data: bytes) -> None:
        """Write over a picture that is no evidence, under a name of the caller's."""
        with _translated(f"a picture can't be stored in {self._root}"):
            self._files.write(self._slot_path(name), data)

    def get_slot(self, name: str) -> bytes:
        """Return what was last written under this name. Raises LedgerError if nothing was."""
        with _translated(f"picture {name} can't be read from {self._root}"):
            return self._files.read(self._slot_path(name))

    def _slot_path(self, name: str) -> str:
        return f"{self._root}/{SLOT_FOLDER}/{name}"

    def _path(self, sha256: str, stored: StoredFormat) -> str:
        return f"{self._root}/{sha256[:2]}/{sha256[2:4]}/{sha256}.{stored.suffix}"

    def _read(self, sha256: str) -> bytes:
        with _translated(f"picture {sha256} can't be read from {self._root}"):
            for stored in (*STORED_FORMATS, UNKNOWN):
                try:
                    return self._files.read(self._path(sha256, stored))
                except FileNotFoundError:
                    continue
        raise KeyError(sha256)


def _opened(root: str, s3: S3Access) -> tuple[PictureFiles, str]:
    """Return the files and the path there. A folder's name may hold what separates the parts of a URL."""
    if root.startswith(S3_SCHEME):
        return S3Files(s3), root.removeprefix(S3_SCHEME).rstrip("/")
    files, path = (None, root) if Path(root).is_absolute() else fsspec.url_to_fs(root)
    return (LocalFiles(path), path) if files is None or files.protocol[0] == "file" else (FsspecFiles(files), path)


def _stored_format(data: bytes) -> StoredFormat:
    name = picture_format(data)
    return UNKNOWN if name is None else StoredFormat(FORMATS[name].media_types[0], FORMATS[name].suffix)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LedgerError(f"{what}: {error.strerror or error}; free space or check permissions") from error
    except (ImportError, ValueError) as error:
        raise LedgerError(f"{what}: {error}") from error
