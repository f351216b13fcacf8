"""The parts of yesterday, so that the retention of pictures has work from the first minute, as in a plant.

Each part of the run has one that is a day older and passed. Pictures of passed parts leave after 24 hours: as new ones
come, these go.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from inspector.adapters.ledger import SqlLedger, upgrade
from inspector.adapters.ledger.measure import OK, sample
from inspector.adapters.ledger.picture_retention import is_kept
from inspector.domain.frame import FrameKey
from inspector.domain.part import Evidence, PartRecord, PartState, PipelineRef
from inspector.domain.pipeline import Retention
from inspector.domain.report import NO_WORDS
from inspector.lab.chaos.load_generator import washer_frames, with_comment
from inspector.utc import utc_now

RETENTION: Final = Retention()
WRITTEN_AT_ONCE: Final = 64
# pictures are removed at most this long after their time, by a step that comes every minute
REMOVAL_SLACK_S: Final = 150.0


class OldPicture(NamedTuple):
    """A picture of yesterday: sha256, size, and when it is due to be removed. `stays`: it is of the kept share."""

    sha256: str
    size_bytes: int
    due: datetime
    stays: bool


class Yesterday(NamedTuple):
    """How the parts of yesterday came: so many, `rate` a second, the first one due `delay_s` after now."""

    parts: int
    rate: float
    delay_s: float
    seed: int

    def decided_at(self, number: int, now: datetime) -> datetime:
        return now - timedelta(hours=RETENTION.after_hours) + timedelta(seconds=self.delay_s + number / self.rate)


def store_yesterday(database: str, evidence: Path, key: FrameKey, plan: Yesterday) -> list[OldPicture]:
    """Store the parts with their pictures in a new ledger, under line and camera of `key`."""
    upgrade(database)
    return asyncio.run(_store(database, evidence, key, plan))


async def _store(database: str, evidence: Path, key: FrameKey, plan: Yesterday) -> list[OldPicture]:
    now, shown, todo = utc_now(), washer_frames(plan.seed), iter(range(plan.parts))
    stored: list[OldPicture] = []
    async with SqlLedger(database) as ledger:

        async def store_some() -> None:
            for number in todo:
                at = plan.decided_at(number, now)
                part = _with_picture(evidence, _part(number, key, at), shown[number % len(shown)])
                await ledger.record(part, [])
                stored.append(_old_picture(part, at))

        await asyncio.gather(*(store_some() for _ in range(WRITTEN_AT_ONCE)))
    return stored


def _part(number: int, key: FrameKey, at: datetime) -> PartRecord:
    return replace(
        sample(number, at),
        key=key._replace(trigger_id=f"{key.trigger_id}-{number}"),
        decision=OK,
        would_be=OK.outcome,
        pipeline=PipelineRef(key.line, 1, "0123456789abcdef"),
        state=PartState.PUBLISHED,
        words=NO_WORDS,
        votes=(),
        seq=None,
        is_simulated=True,
    )


def _with_picture(evidence: Path, part: PartRecord, jpeg: bytes) -> PartRecord:
    """Write a picture of the part's own that is as old as the part, as the store does, but not to the disk at once."""
    picture = with_comment(jpeg, part.key.trigger_id)
    sha256 = hashlib.sha256(picture).hexdigest()
    file = evidence / sha256[:2] / sha256[2:4] / f"{sha256}.jpg"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(picture)
    os.utime(file, times=(part.received_at.timestamp(),) * 2)
    return replace(part, evidence=Evidence(sha256, "image/jpeg", len(picture)), received_sha256=sha256)


def _old_picture(part: PartRecord, at: datetime) -> OldPicture:
    assert part.evidence is not None
    stays = is_kept(RETENTION.pass_pictures, part.evidence.sha256)
    return OldPicture(
        part.evidence.sha256, part.evidence.size_bytes, at + timedelta(hours=RETENTION.after_hours), stays
    )


def overdue(pictures: Sequence[OldPicture], present: Set[str], now: datetime) -> list[OldPicture]:
    """Return the pictures that the evidence store still has although they should be gone."""
    limit = now - timedelta(seconds=REMOVAL_SLACK_S)
    return [each for each in pictures if not each.stays and each.due < limit and each.sha256 in present]
