"""Keeps pictures on this machine while their store is away, and brings them there later.

A verdict does not wait for a store that hangs: after PATIENCE_S the picture is written to the spool. After a failure
pictures go there at once until the store takes one again. The next process finds what a killed one left there.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from inspector.adapters.ledger.evidence import SHA256, FileEvidence
from inspector.domain.part import Evidence
from inspector.errors import LedgerError
from inspector.ports.evidence import SpoolState

log = logging.getLogger(__name__)

UPLOAD_THREADS: Final = 8
CATCH_UP_THREADS: Final = 4  # of their own: a verdict waits for an upload, never for these
PATIENCE_S: Final = 0.5  # for one picture, until it is kept here as well
SLOW_PUTS: Final = 3  # in a row, until the store counts as away
BATCH_PICTURES: Final = 128  # that one call of catch_up stores
SLOW_FAULT: Final = f"it took longer than {PATIENCE_S:g} s for each of the last {SLOW_PUTS} pictures"


class PictureSpool:
    """Pictures in a folder, at most `max_bytes` of them. Several processes may share it."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._pictures = FileEvidence(folder)
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._bytes = 0
        self.waiting()

    def put(self, data: bytes, media_type: str) -> Evidence:
        """Keep a picture, durable on return. Raises LedgerError when there is no room."""
        with self._lock:
            if self._bytes + len(data) > self._max_bytes:
                limit = f"{self._max_bytes / 2**20:g} MiB"
                raise LedgerError(f"the spool {self._folder} is full ({limit}); raise INSPECTOR_EVIDENCE_SPOOL_MIB")
            self._bytes += len(data)
        return self._pictures.put(data, media_type)

    def get(self, sha256: str) -> bytes:
        return self._pictures.get(sha256)

    def drop(self, path: Path) -> None:
        """Remove a picture that its store has."""
        path.unlink(missing_ok=True)

    def waiting(self) -> tuple[list[Path], int]:
        """Return the files of all pictures, oldest first, and their bytes."""
        found = sorted(self._files(), key=lambda each: each[1].st_mtime)
        size_bytes = sum(status.st_size for _, status in found)
        with self._lock:
            self._bytes = size_bytes
        return [path for path, _ in found], size_bytes

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self._folder.glob("??/??/*"):
            try:
                yield path, path.stat()
            except FileNotFoundError:  # another process has brought it to the store
                continue


class SpooledEvidence:
    """ports.EvidenceStore and ports.EvidenceSpool around a store that may be away. Thread-safe."""

    def __init__(self, store: FileEvidence, spool: PictureSpool) -> None:
        self._store = store
        self._spool = spool
        self._uploads = ThreadPoolExecutor(UPLOAD_THREADS, thread_name_prefix="evidence-upload")
        self._waiting = ThreadPoolExecutor(CATCH_UP_THREADS, thread_name_prefix="evidence-catch-up")
        self._fault = ""
        self._slow = 0
        self._is_full = False

    def put(self, data: bytes, media_type: str) -> Evidence:
        if not self._fault:
            upload = self._uploads.submit(self._store.put, data, media_type)
            if (stored := self._finished(upload)) is not None:
                return stored
            upload.cancel()
        return self._keep(data, media_type)

    def get(self, sha256: str) -> bytes:
        """Return the bytes, from the spool where the store does not have them yet."""
        if not SHA256.fullmatch(sha256):
            raise KeyError(sha256)
        try:
            return self._spool.get(sha256)
        except KeyError:
            return self._store.get(sha256)

    def remove(self, sha256: str) -> None:
        self._store.remove(sha256)

    def catch_up(self) -> SpoolState:
        paths, _ = self._spool.waiting()
        if paths:
            self._bring(paths[:BATCH_PICTURES])
        else:
            self._fault = ""  # nothing to try it with: the next picture will show
        left, size_bytes = self._spool.waiting()
        state = SpoolState(len(left), size_bytes, self._fault, self._is_full)
        self._is_full = False
        return state

    def _finished(self, upload: Future[Evidence]) -> Evidence | None:
        """Return what is stored; None if the store failed or takes too long."""
        try:
            stored = upload.result(timeout=PATIENCE_S)
        except TimeoutError:
            self._slow += 1
            if self._slow >= SLOW_PUTS:
                self._fault = SLOW_FAULT
            return None
        except LedgerError as error:
            self._fault = str(error)
            return None
        self._slow = 0
        return stored

    def _keep(self, data: bytes, media_type: str) -> Evidence:
        try:
            return self._spool.put(data, media_type)
        except LedgerError:
            self._is_full = True
            raise

    def _bring(self, paths: list[Path]) -> None:
        """Store pictures of the spool: one first, the others at once if the store took it."""
        if not self._brought(paths[0]):
            return
        self._fault, self._slow = "", 0
        list(self._waiting.map(self._brought, paths[1:]))

    def _brought(self, path: Path) -> bool:
        """Store one picture of the spool; return whether the store works."""
        try:
            data = self._spool.get(path.stem)
        except (KeyError, LedgerError):
            log.exception("the picture %s of the spool can't be read", path)
            return True
        try:
            self._store.put(data, "")
        except LedgerError as error:
            self._fault = str(error)
            return False
        self._spool.drop(path)
        return True
