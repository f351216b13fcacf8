"""The newest picture of a camera: of its newest part, or the kept one of a camera that no line declares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from inspector.errors import NotFoundError
from inspector.ports.archive import PartFilter, PartRow
from inspector.ports.cameras import UnknownPictureArchive
from inspector.ports.evidence import EvidenceStore
from inspector.ports.unknown_cameras import StoredUnknownPicture
from inspector.utc import utc_now

PARTS_SEARCHED: Final = 50  # newest parts of the camera; retention may have removed their pictures
PINNED_FOR: Final = timedelta(hours=1)  # somebody connects the camera meanwhile


class CameraPicture(NamedTuple):
    """A picture that a camera sent. `result_id` is that of its part; None where no line declares the camera."""

    data: bytes
    received_at: datetime
    result_id: str | None


class PartLists(Protocol):
    """Lists parts. Synchronous. Raises LedgerError."""

    def parts(self, wanted: PartFilter, limit: int) -> Sequence[PartRow]:
        """List parts, newest first."""

    def part(self, result_id: str) -> PartRow | None: ...


@dataclass(frozen=True, slots=True)
class CameraPictures:
    """The pictures that cameras sent lately. Every method raises LedgerError."""

    archive: PartLists
    evidence: EvidenceStore
    unknown: UnknownPictureArchive
    now: Callable[[], datetime] = utc_now

    def newest(self, line: str, camera: str) -> CameraPicture:
        """Return the newest picture of a camera. Raises NotFoundError where none is stored."""
        rows = self.archive.parts(PartFilter(line, camera), PARTS_SEARCHED)
        found = next((picture for row in rows if (picture := self._of_part(row))), None)
        kept = next(iter(self.kept_of(line, camera)), None)
        if kept is not None and (found is None or kept.received_at > found.received_at):
            return CameraPicture(self.unknown.read(kept), kept.received_at, None)
        if found is None:
            raise NotFoundError(f"no picture of {line}/{camera} is stored; let the camera send one")
        return found

    def kept(self, line: str, camera: str, sha256: str) -> bytes:
        """Return a kept picture of an undeclared camera. Raises NotFoundError where it is not kept any more."""
        return self.unknown.read(self._named(line, camera, [sha256])[0])

    def pin(self, line: str, camera: str, names: Sequence[str]) -> list[StoredUnknownPicture]:
        """Keep these pictures, by sha256, for an hour, whatever the camera sends. Raises NotFoundError like `kept`."""
        until, pictures = self.now() + PINNED_FOR, self._named(line, camera, names)
        self.unknown.pin(pictures, until)
        return [each._replace(pinned_until=until) for each in pictures]

    def store_kept(self, line: str, camera: str, names: Sequence[str]) -> None:
        """Copy those of these pictures that are kept of this camera to the evidence store, where replicas read them."""
        for each in self.kept_of(line, camera):
            if each.sha256 in names:
                self.evidence.put(self.unknown.read(each), "")

    def of_part(self, line: str, camera: str, result_id: str) -> CameraPicture:
        """Return the picture of one part of this camera. Raises NotFoundError where it is not stored."""
        row = self.archive.part(result_id)
        picture = self._of_part(row) if row is not None and row.part.key[:2] == (line, camera) else None
        if picture is None:
            raise NotFoundError(f"no picture of part {result_id} of {line}/{camera} is stored")
        return picture

    def kept_of(self, line: str, camera: str) -> list[StoredUnknownPicture]:
        """List the kept pictures of a camera, newest first; none where a line declares it."""
        return [each for each in self.unknown.pictures() if (each.line, each.camera) == (line, camera)]

    def _named(self, line: str, camera: str, names: Sequence[str]) -> list[StoredUnknownPicture]:
        stored = {each.sha256: each for each in reversed(self.kept_of(line, camera))}
        if gone := [each for each in names if each not in stored]:
            raise NotFoundError(f"no picture {gone[0][:16]} of {line}/{camera} is kept; newer ones took its place")
        return [stored[each] for each in dict.fromkeys(names)]

    def _of_part(self, row: PartRow) -> CameraPicture | None:
        if row.part.evidence is None:
            return None
        try:
            data = self.evidence.get(row.part.evidence.sha256)
        except KeyError:
            return None
        return CameraPicture(data, row.part.received_at, row.part.result_id)
