"""Learn from a line's stored votes, work out the effect on stored parts, and store a new version of the line."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import closing
from typing import Any, NamedTuple

from inspector.adapters.ledger import DeclaredVersion, SqlArchive, SqlLedger, store_versions
from inspector.domain.learned import LearnedSettings
from inspector.domain.line_version import VersionOrigin
from inspector.domain.pipeline import Pipeline
from inspector.errors import InspectorError
from inspector.lines.change_effect import ChangeApproval, ChangeEffect, ChangeEffects
from inspector.lines.line_records import LineRecords
from inspector.lines.pricing import Pricing
from inspector.lines.versions import ReadableVersion
from inspector.messages.outgoing import EventSeverity
from inspector.operations.line_records import read_line_records
from inspector.operations.qualification import qualifications
from inspector.ports.ledger import Event
from inspector.settings import Settings
from inspector.tuning.counterfactual import Impact, impact
from inspector.tuning.learning import LearningReport, learn_from_history
from inspector.tuning.rung_effects import RungEffect, TokenSlope
from inspector.utc import utc_now


class LearningResult(NamedTuple):
    """The learned values and their effect on stored parts. `version` is the new version, None if nothing was stored.

    `effect` is that of the change under all comparable fingerprints, with the right to pass; None without a change.
    """

    records: LineRecords
    lesson: LearningReport
    price: Impact
    effect: ChangeEffect | None
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
            "new_escapes": [each.as_json() for each in self.effect.price.escapes] if self.effect else [],
            "right": self.effect.right.as_json() if self.effect and self.effect.right else None,
        }


def learn_line(
    settings: Settings, line: str, approval: ChangeApproval, *, fuse: bool = False, dry_run: bool = False
) -> LearningResult:
    """Learn, and store the result unless `dry_run`. Records an event for each rung that is newly capped,
    and one if the learned version comes with a slope of tokens that is negative beyond chance.

    Raises InspectorError if `fuse` is set and the line has no second opinion, and EscapesError where NG parts would
    newly pass that nobody accepted.
    """
    records = read_line_records(settings.database, line)
    before, fingerprint = records.live.pipeline, records.fingerprint
    if fuse and before.second_opinion is None:
        raise InspectorError(f"{line} has no second opinion to weigh; declare second_opinion, or leave --fuse out")
    lesson = learn_from_history(records.history, before, fingerprint, fuse=fuse)
    after = before.model_copy(update={"learned": lesson.learned}) if holds_anything(lesson.learned) else before
    cost = impact(records.history.parts, before, after, fingerprint)
    effect = None if after == before else _effect(settings, records, after, approval, dry_run=dry_run)
    if dry_run:
        return LearningResult(records, lesson, cost, effect, None)
    learned = _version(records, after, approval)._replace(proofs=effect.proofs if effect else ())
    stored = store_versions(settings.database, [learned])
    harm = [_thinking_event(line, lesson.slope)] if stored and lesson.slope and lesson.slope.is_inverse else []
    asyncio.run(_record_events(settings.database, [*_capped_events(line, before, lesson, fingerprint), *harm]))
    return LearningResult(records, lesson, cost, effect, stored[0].version if stored else None)


def _effect(
    settings: Settings, records: LineRecords, after: Pipeline, approval: ChangeApproval, *, dry_run: bool
) -> ChangeEffect:
    content = ReadableVersion(after, records.live.golden)
    with closing(SqlArchive(settings.database)) as archive, qualifications(settings) as proofs:
        effects = ChangeEffects(Pricing.over(archive), proofs)
        return effects.foresee(content) if dry_run else effects.approve(content, approval)


def _version(records: LineRecords, after: Pipeline, approval: ChangeApproval) -> DeclaredVersion:
    why = f"learned from {len(records.history.parts)} parts" + (f": {approval.reason}" if approval.reason else "")
    live, origin = records.live, VersionOrigin.LEARN
    return DeclaredVersion(after, live.golden, approval.author, parent=live.version, reason=why, origin=origin)


def holds_anything(learned: LearnedSettings) -> bool:
    return learned != LearnedSettings(fingerprint=learned.fingerprint)


def _capped_events(line: str, before: Pipeline, lesson: LearningReport, fingerprint: str) -> list[Event]:
    """One event for each rung that is capped now and was not before."""
    known = before.learned_under(fingerprint)
    capped = set(lesson.learned.capped) - set(known.capped if known else ())
    return [_capped_event(line, change) for change in lesson.rungs if change.rung in capped]


def _capped_event(line: str, change: RungEffect) -> Event:
    text = (
        f"rung {change.rung + 1} is no longer asked: of {change.parts} parts it turned {change.harmed} from right to "
        f"wrong and {change.rescued} from wrong to right (exact McNemar p = {change.p_value:.4f}); remove it from the "
        "ladder, or change its questions"
    )
    return Event(uuid.uuid4().hex, line, None, "RUNG_HARMS", EventSeverity.WARNING, text, utc_now())


def _thinking_event(line: str, slope: TokenSlope) -> Event:
    text = (
        f"the log-odds of a right verdict change by {slope.estimate:+.2f} ({slope.low:+.2f} … {slope.high:+.2f}) for "
        "each factor e of tokens written about a part; shorten or remove the rungs that reason"
    )
    return Event(uuid.uuid4().hex, line, None, "THINKING_HARMS", EventSeverity.ALARM, text, utc_now())


async def _record_events(database: str, events: Sequence[Event]) -> None:
    if events:
        async with SqlLedger(database) as ledger:
            await ledger.add_events(events)
