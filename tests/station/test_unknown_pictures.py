"""Pictures of undeclared cameras wait in bounded memory, and a store that is away holds nothing up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from inspector.domain.frame import Frame, FrameKey
from inspector.errors import LedgerError
from inspector.ports.unknown_cameras import UnknownPicture
from inspector.station.unknown_pictures import MAX_PICTURE_BYTES, MAX_WAITING_PICTURES, UnknownPictures
from inspector.utc import utc_now


@dataclass
class MemoryStore:
    away: bool = False
    kept: list[bytes] = field(default_factory=list)

    def keep(self, pictures: Sequence[UnknownPicture]) -> None:
        if self.away:
            raise LedgerError("away")
        self.kept += [picture.data for picture in pictures]


def a_frame(payload: bytes) -> Frame:
    return Frame(FrameKey("pcb", "cam9", "t-1"), payload, utc_now())


async def test_newest_pictures_are_stored_once() -> None:
    store = MemoryStore()
    unknown = UnknownPictures(store)
    for number in range(100):
        unknown.add(a_frame(b"%d" % number))
    await unknown.flush()
    await unknown.flush()
    assert store.kept == [b"%d" % number for number in range(100 - MAX_WAITING_PICTURES, 100)]


async def test_large_and_missing_pictures_are_only_counted() -> None:
    store = MemoryStore()
    unknown = UnknownPictures(store)
    unknown.add(a_frame(bytes(MAX_PICTURE_BYTES + 1)))
    unknown.add(a_frame(b""))
    await unknown.flush()
    assert store.kept == []


async def test_store_that_is_away_loses_pictures_and_nothing_else() -> None:
    store = MemoryStore(away=True)
    unknown = UnknownPictures(store)
    unknown.add(a_frame(b"lost"))
    await unknown.flush()
    store.away = False
    unknown.add(a_frame(b"kept"))
    await unknown.flush()
    assert store.kept == [b"kept"]
