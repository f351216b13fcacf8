"""What was found out about one frame, and the record it becomes. Pure."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from inspector.domain.decision import Decision, Reason, enforce_deadline
from inspector.domain.declared import Disposition
from inspector.domain.frame import Frame
from inspector.domain.part import Evidence, PartRecord, PipelineRef
from inspector.domain.pipeline import Pipeline, line_fingerprint
from inspector.domain.quality import Measurements
from inspector.domain.report import NO_WORDS, Words, WordsState
from inspector.domain.vote import StoppedBy, Tally, counting
from inspector.ports.ledger import PipelineVersion
from inspector.ports.pool import Judgement, ShadowResult
from inspector.station.deadlines import Deadline

NOT_ASKED: Final = Judgement((), 0, StoppedBy.ERROR)


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known about one frame when it is decided. `words` are being written and a `shadow` asked for while this
    stands."""

    decision: Decision
    judgement: Judgement = NOT_ASKED
    words: Awaitable[Words | None] | None = None
    shadow: Awaitable[ShadowResult | None] | None = None
    seen: Measurements | None = None
    evidence: Evidence | None = None

    @property
    def is_explained(self) -> bool:
        """Whether the replica is writing words for this part: it does for what its votes did not pass."""
        is_asked_about = self.words is not None and not self.judgement.is_bad_image
        return is_asked_about and self.decision.disposition is not Disposition.PASS

    @property
    def stopped_by(self) -> StoppedBy:
        """Why asking stopped; for a part that was never asked about, what kept it from that."""
        if self.judgement is NOT_ASKED and self.decision.reason is Reason.DEADLINE:
            return StoppedBy.DEADLINE
        return self.judgement.stopped_by

    @property
    def picture(self) -> Evidence | None:
        """The stored picture, with its size in pixels where it was measured."""
        if self.evidence is None or self.seen is None:
            return self.evidence
        return replace(self.evidence, width_px=self.seen.width_px, height_px=self.seen.height_px)


def tally(line: PipelineVersion, judgement: Judgement) -> Tally:
    """A judgement's votes, counted as the pipeline declares and has learned."""
    fingerprint = line_fingerprint(line.pipeline.settings_fingerprint(), judgement.model_fingerprint, line.golden)
    return Tally(judgement.votes, counting(line.pipeline, fingerprint, judgement.opinion))


def deadline_ms(frame: Frame, pipeline: Pipeline) -> float:
    """The frame may shorten or stretch its line's deadline: the gateway knows how far the gate is."""
    return pipeline.deadline_ms if frame.deadline_ms is None else frame.deadline_ms


def as_part(
    frame: Frame,
    line: PipelineVersion,
    found: Findings,
    due: Deadline,
    now_s: float,
    *,
    result_id: str,
    fingerprint: str,
) -> PartRecord:
    """Builds the record of everything known about the frame. `now_s` is the time of the decision; `fingerprint`
    identifies the settings and the model that judged."""
    votes, took = tally(line, found.judgement), timedelta(seconds=now_s - frame.received_s)
    late = due.left_ms(now_s) < 0.0
    return PartRecord(
        result_id=result_id,
        key=frame.key,
        decision=enforce_deadline(found.decision, line.pipeline, late=late),
        pipeline=PipelineRef(line.pipeline.line, line.version, fingerprint),
        received_at=frame.received_at,
        decided_at=frame.received_at + took,
        latency_ms=took.total_seconds() * 1000.0,
        deadline_ms=due.ms,
        late=late,
        part_id=frame.part_id,
        product=frame.product,
        lot=frame.lot,
        seq=frame.seq,
        captured_at=frame.captured_at,
        is_simulated=frame.is_simulated,
        p_ng=votes.score,
        agreement=votes.agreement,
        votes=found.judgement.votes,
        opinion=found.judgement.opinion,
        rungs=found.judgement.rungs,
        stopped_by=found.stopped_by,
        evidence=found.picture,
        words=Words(WordsState.PENDING) if found.is_explained else NO_WORDS,
    )
