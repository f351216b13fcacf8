"""What is known about one frame when it is decided, and the record it becomes."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from inspector.domain.decision import Decision, Reason, enforce_deadline
from inspector.domain.declared import Disposition
from inspector.domain.frame import Frame
from inspector.domain.line_state import PassQuestion, withhold
from inspector.domain.part import Evidence, PartRecord, PipelineRef
from inspector.domain.pipeline import Pipeline
from inspector.domain.quality import Measurements
from inspector.domain.report import NO_WORDS, Words, WordsState
from inspector.domain.templates import NO_TEMPLATE
from inspector.domain.vote import StoppedBy, Tally
from inspector.errors import PictureError
from inspector.ports.ledger import PipelineVersion
from inspector.ports.pool import Judgement, ShadowResult
from inspector.station.deadlines import Deadline
from inspector.station.open_triggers import OpenTrigger

NOT_ASKED: Final = Judgement(Tally(), 0, StoppedBy.ERROR)


@dataclass(frozen=True, slots=True)
class Findings:
    """The outcome of examining one frame. `words` are still being written and `shadow` votes still being asked.

    `fingerprint` is that of the line and its model.
    """

    decision: Decision
    judgement: Judgement = NOT_ASKED
    words: Awaitable[Words | None] | None = None
    shadow: Awaitable[ShadowResult | None] | None = None
    measured: Measurements | None = None
    evidence: Evidence | None = None
    fingerprint: str = ""

    @property
    def is_explained(self) -> bool:
        """Whether the replica writes words for this part: it does where votes were read that do not pass it."""
        is_voted = self.judgement.tally.score is not None and not self.judgement.is_bad_image
        is_asked_about = self.words is not None and is_voted
        return is_asked_about and self.decision.disposition is not Disposition.PASS

    @property
    def stopped_by(self) -> StoppedBy:
        """Why asking stopped, or what prevented it."""
        if self.judgement is NOT_ASKED and self.decision.reason is Reason.DEADLINE:
            return StoppedBy.DEADLINE
        return self.judgement.stopped_by

    @property
    def picture(self) -> Evidence | None:
        """The stored picture, with its size in pixels where it was measured."""
        if self.evidence is None or self.measured is None:
            return self.evidence
        return replace(self.evidence, width_px=self.measured.width_px, height_px=self.measured.height_px)


def deadline_ms(frame: Frame, pipeline: Pipeline) -> float:
    """Return the part's deadline from capture. The frame may override its line's: the gateway knows the distance."""
    return pipeline.deadline_ms if frame.deadline_ms is None else frame.deadline_ms


def part_record(
    frame: Frame, line: PipelineVersion, findings: Findings, due: Deadline, now_s: float, opened: OpenTrigger
) -> PartRecord:
    """Build the record of a frame that is decided at `now_s`."""
    judgement, fingerprint = findings.judgement, findings.fingerprint
    duration = timedelta(seconds=now_s - frame.received_s)
    late = due.left_ms(now_s) < 0.0
    decided_at = frame.received_at + duration
    judged = enforce_deadline(findings.decision, line.pipeline, late=late)
    asked = PassQuestion(fingerprint, line.pipeline.policy_fingerprint(), frame.key.camera, decided_at)
    return PartRecord(
        result_id=opened.result_id,
        key=frame.key,
        decision=withhold(judged, line.status.objection(asked), line.pipeline.fail_safe),
        pipeline=PipelineRef(line.pipeline.line, line.version, fingerprint),
        received_at=frame.received_at,
        decided_at=decided_at,
        latency_ms=duration.total_seconds() * 1000.0,
        deadline_ms=due.ms,
        late=late,
        line_state=line.status.state_of(asked),
        would_be=judged.outcome,
        part_id=frame.part_id,
        product=frame.product,
        lot=frame.lot,
        seq=frame.seq,
        run=frame.run,
        captured_at=frame.captured_at,
        is_simulated=frame.is_simulated,
        traceparent=frame.traceparent,
        p_ng=judgement.tally.score,
        agreement=judgement.tally.agreement,
        votes=judgement.votes,
        opinion=judgement.opinion,
        rungs=judgement.rungs,
        stopped_by=findings.stopped_by,
        evidence=findings.picture,
        received_sha256=opened.identity.sha256,
        unique_by=opened.identity.trigger.unique_by,
        template=frame.template,
        template_sha256=_template_sha256(frame, line),
        words=Words(WordsState.PENDING) if findings.is_explained else NO_WORDS,
    )


def _template_sha256(frame: Frame, line: PipelineVersion) -> str:
    try:
        return line.template_sha256(frame.template)
    except PictureError:  # the part's reason names it
        return NO_TEMPLATE


def frame_of(part: PartRecord) -> Frame:
    """Return the frame of a recorded part, without its picture, as the broker delivers it again."""
    return Frame(
        part.key,
        b"",
        part.received_at,
        part_id=part.part_id,
        product=part.product,
        lot=part.lot,
        seq=part.seq,
        captured_at=part.captured_at,
        redelivered=True,
        sha256=part.received_sha256,
    )
