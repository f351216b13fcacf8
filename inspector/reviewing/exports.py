"""Exports of parts and reviews as streams: CSV, JSON lines, or a COCO data set in a ZIP file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from inspector.errors import NotFoundError
from inspector.ports.archive import Archive, PartFilter
from inspector.ports.evidence import EvidenceStore
from inspector.ports.reviews import ReviewArchive
from inspector.reviewing.coco_export import CocoDataSet, ExportedFile
from inspector.reviewing.part_export import csv_lines, exported_parts, json_lines
from inspector.utc import utc_now


@dataclass(frozen=True, slots=True)
class Exports:
    """Streams of parts. Memory holds one page of parts, or one picture, at a time."""

    archive: Archive
    reviews: ReviewArchive
    evidence: EvidenceStore
    now: Callable[[], datetime] = utc_now

    def csv(self, wanted: PartFilter, limit: int | None) -> Iterator[str]:
        return csv_lines(exported_parts(self.archive, wanted, limit))

    def json_lines(self, wanted: PartFilter, limit: int | None) -> Iterator[str]:
        return json_lines(exported_parts(self.archive, wanted, limit))

    def coco(self, line: str, limit: int | None) -> Iterator[bytes]:
        """Return the chunks of a ZIP file. Raises NotFoundError for an unknown line."""
        versions = self.archive.list_pipelines()
        pipeline = next((each.pipeline for each in versions if each.pipeline.line == line), None)
        if pipeline is None:
            raise NotFoundError(f"there is no line {line!r}; declare it in a pipeline and run: inspector apply")
        classes = {name: str(severity) for name, severity in pipeline.defects.items()}
        return zipped(CocoDataSet(line, classes, self.now()).files(self.reviews, self.evidence, limit))


class _Sink(io.RawIOBase):
    """What a ZIP file is written to; it can't seek back, so each file's size follows its bytes."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        chunk = bytes(data)  # type: ignore[call-overload]
        self._chunks.append(chunk)
        return len(chunk)

    def take(self) -> bytes:
        taken, self._chunks = b"".join(self._chunks), []
        return taken


def zipped(files: Iterable[ExportedFile]) -> Iterator[bytes]:
    """Yield the chunks of a ZIP file, one for each file in it. Pictures are compressed already."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            archive.writestr(file.path, file.data)
            yield sink.take()
    yield sink.take()
