"""How large the files of an installation are: database, pictures, logs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class LogSizes(NamedTuple):
    """The logs of all processes: bytes together, the largest file, the most bytes of one process, and how many old
    files a new one has followed."""

    total: int
    largest_file: int
    largest_process: int
    rotated: int


@dataclass(frozen=True, slots=True)
class StoredSizes:
    """Bytes at `at_s` seconds of the run, when so many parts were answered."""

    at_s: float
    database: int
    evidence: int
    logs: LogSizes
    answered: int


class Places(NamedTuple):
    """Where an installation stores. `database` is a folder with a server's files, or the beginning of a file's name."""

    database: Path
    evidence: Path
    logs: Path

    def sizes(self, at_s: float, answered: int, pictures: Mapping[str, int]) -> StoredSizes:
        """Return what is stored now: these `pictures`, and the rest."""
        return StoredSizes(at_s, self._database_bytes(), sum(pictures.values()), log_sizes(self.logs), answered)

    def pictures(self) -> dict[str, int]:
        """Return the sizes of all pictures by sha256."""
        return {Path(name).stem: size for name, size in _files(self.evidence)}

    def _database_bytes(self) -> int:
        if self.database.is_dir():
            return sum(size for _, size in _files(self.database))
        return sum(file.stat().st_size for file in self.database.parent.glob(f"{self.database.name}*"))


def log_sizes(folder: Path) -> LogSizes:
    by_process: dict[str, int] = {}
    largest, rotated = 0, 0
    for name, size in _files(folder):
        process, _, place = Path(name).name.partition(".log")
        by_process[process] = by_process.get(process, 0) + size
        largest, rotated = max(largest, size), rotated + bool(place)
    return LogSizes(sum(by_process.values()), largest, max(by_process.values(), default=0), rotated)


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield the files below a folder, some of which may vanish meanwhile."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            try:
                yield path, os.stat(path).st_size
            except FileNotFoundError:
                continue
