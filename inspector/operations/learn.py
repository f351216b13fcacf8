"""Learns from a line's stored votes, says what that would have changed, and stores it as a new version of the line."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

from inspector.adapters.ledger import Declaration, SqlLedger, store_versions
from inspector.domain.learned import LearnedSettings
from inspector.domain.pipeline import Pipeline
from inspector.errors import InspectorError
from inspector.messages.outgoing import EventSeverity
from inspector.operations.line_records import LineRecords, read_line_records
from inspector.ports.ledger import Event
from inspector.tuning.counterfactual import Impact, impact
from inspector.tuning.learning import LearningReport, learn_from_history
from inspector.tuning.rung_effects import RungEffect
from inspector.utc import utc_now


class LearningResult(NamedTuple):
    """What was learned, and what it costs. `version` is the new one, None where nothing was stored."""

    records: LineRecords
    lesson: LearningReport
    price: Impact
    version: int | None

    def as_json(self) -> dict[str, Any]:
        lesson = self.lesson
        return {
            "line": self.records.live.pipeline.line,
            "fingerprint": self.records.fingerprint,
            "parts": len(self.records.history.parts),
            "new_version": self.version,
            "learned": lesson.learned.model_dump(mode="json"),
            "rungs": [change._asdict() | {"p_value": change.p_value} for change in lesson.rungs],
            "slope": lesson.slope._asdict() if lesson.slope else None,
            "missing": list(lesson.missing),
            "price": self.price.as_json(),
        }


def learn(database: str, line: str, *, fuse: bool = False, dry_run: bool = False) -> LearningResult:
    """A rung that is capped from now on is told as an event too. Raises InspectorError where a second opinion is to be
    weighed that the line does not have."""
    found = read_line_records(database, line)
    before = found.live.pipeline
    if fuse and before.second_opinion is None:
        raise InspectorError(f"{line} has no second opinion to weigh; declare second_opinion, or leave --fuse out")
    lesson = learn_from_history(found.history, before, found.fingerprint, fuse=fuse)
    after = before.model_copy(update={"learned": lesson.learned}) if holds_anything(lesson.learned) else before
    cost = impact(found.history.parts, before, after, found.fingerprint)
    if dry_run:
        return LearningResult(found, lesson, cost, None)
    stored = store_versions(database, [Declaration(after, found.live.golden, os.environ.get("USER", ""))])
    asyncio.run(_tell(database, _harms(line, before, lesson, found.fingerprint)))
    return LearningResult(found, lesson, cost, stored[0].version if stored else None)


def holds_anything(learned: LearnedSettings) -> bool:
    return learned != LearnedSettings(fingerprint=learned.fingerprint)


def _harms(line: str, before: Pipeline, lesson: LearningReport, fingerprint: str) -> list[Event]:
    """One for each rung that is capped now and was not before."""
    known = before.learned_under(fingerprint)
    capped = set(lesson.learned.capped) - set(known.capped if known else ())
    return [_harm(line, change) for change in lesson.rungs if change.rung in capped]


def _harm(line: str, change: RungEffect) -> Event:
    text = (
        f"rung {change.rung + 1} is not asked any more: of {change.parts} parts it turned {change.harmed} from right "
        f"to wrong and {change.rescued} from wrong to right (exact McNemar p = {change.p_value:.4f}); take it out of "
        "the ladder, or ask it in another way"
    )
    return Event(uuid.uuid4().hex, line, None, "RUNG_HARMS", EventSeverity.WARNING, text, utc_now())


async def _tell(database: str, events: Sequence[Event]) -> None:
    if events:
        async with SqlLedger(database) as ledger:
            await ledger.add_events(events)
