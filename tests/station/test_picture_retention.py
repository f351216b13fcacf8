"""Pictures that nobody needs any more are let go; a removal that was cut short is finished."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.fakes import NOON, REJECTED, MemoryEvidence, MemoryLedger, a_part, a_pipeline, live_version
from support.reviews import labelled

from inspector.errors import LedgerError
from inspector.station.picture_retention import PICTURES_AT_ONCE, PictureRetention

NOTHING_KEPT = a_pipeline(retention={"pass_pictures": 0.0})


class BusyDisk(MemoryEvidence):
    """Refuses to remove anything."""

    def remove(self, sha256: str) -> None:
        raise LedgerError("permission denied")


async def filled(evidence: MemoryEvidence) -> MemoryLedger:
    """A passed and a rejected part, long ago."""
    ledger = MemoryLedger([live_version(NOTHING_KEPT, 1, ())])
    for name, part in (("passed", a_part("t-1")), ("rejected", a_part("t-2", decision=REJECTED))):
        picture = evidence.put(name.encode(), "image/jpeg")
        await ledger.record(replace(part, evidence=picture, decided_at=NOON - timedelta(days=400)), [])
    return ledger


async def test_pictures_of_passes_go_and_all_others_stay() -> None:
    evidence = MemoryEvidence()
    ledger = await filled(evidence)
    assert not await PictureRetention(ledger, evidence).step()
    assert list(evidence.pictures.values()) == [b"rejected"]
    assert list(ledger.marked.values()) == ["DONE"]


async def test_removal_that_failed_is_marked_still_and_tried_again() -> None:
    evidence = BusyDisk()
    ledger = await filled(evidence)
    with pytest.raises(LedgerError, match="permission denied"):
        await PictureRetention(ledger, evidence).step()
    assert list(ledger.marked.values()) == ["DUE"]
    patient = MemoryEvidence()
    patient.pictures = evidence.pictures
    await PictureRetention(ledger, patient).step()
    assert list(ledger.marked.values()) == ["DONE"]


async def test_part_that_is_reviewed_while_pictures_go_keeps_its_picture() -> None:
    evidence = ReviewedMeanwhile()
    ledger = evidence.ledger = MemoryLedger([live_version(NOTHING_KEPT, 1, ())])
    for number in range(2 * PICTURES_AT_ONCE):
        picture = evidence.put(b"%d" % number, "image/jpeg")
        part = a_part(f"t-{number}", evidence=picture, decided_at=NOON - timedelta(days=400))
        await ledger.record(part, [])
    await PictureRetention(ledger, evidence).step()
    assert len(evidence.pictures) == PICTURES_AT_ONCE
    assert set(ledger.marked.values()) == {"DONE"}


class ReviewedMeanwhile(MemoryEvidence):
    """A person reviews every part that has its picture still, while the last pictures of a group go."""

    ledger: MemoryLedger

    def remove(self, sha256: str) -> None:
        super().remove(sha256)
        if len(self.pictures) == PICTURES_AT_ONCE:
            rows = [row.part for row in self.ledger.rows if row.part.evidence]
            kept = [part.result_id for part in rows if part.evidence and part.evidence.sha256 in self.pictures]
            self.ledger.reviews += [labelled(each, True) for each in kept]
