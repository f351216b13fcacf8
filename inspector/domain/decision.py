"""From a tally to what the gate must do. Pure. Doubt never becomes PASS."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from inspector.domain.declared import Disposition
from inspector.domain.pipeline import Pipeline, Thresholds
from inspector.domain.vote import Counting, StoppedBy, Tally


class Verdict(StrEnum):
    OK = "OK"
    NG = "NG"
    INCONCLUSIVE = "INCONCLUSIVE"


class Reason(StrEnum):
    NO_DEFECT = "NO_DEFECT"
    DEFECT = "DEFECT"
    DISAGREEMENT = "DISAGREEMENT"
    DEADLINE = "DEADLINE"
    BAD_IMAGE = "BAD_IMAGE"
    MODEL_ERROR = "MODEL_ERROR"
    OVERLOAD = "OVERLOAD"
    UNQUALIFIED = "UNQUALIFIED"
    SAFE_MODE = "SAFE_MODE"


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one part. PASS only together with OK and NO_DEFECT."""

    verdict: Verdict
    disposition: Disposition
    reason: Reason
    detail: str = ""

    def __post_init__(self) -> None:
        proved = self.verdict is Verdict.OK and self.reason is Reason.NO_DEFECT
        if self.disposition is Disposition.PASS and not proved:
            raise ValueError(f"PASS needs OK and NO_DEFECT, not {self.verdict} and {self.reason}")


def decide(pipeline: Pipeline, tally: Tally, stopped_by: StoppedBy) -> Decision:
    """Two thresholds on the tally's score. A ladder cut short by the deadline or an error passes nothing that
    more asking could still have overturned."""
    score, limits = tally.score, effective_thresholds(pipeline, tally.counting)
    if score is None:
        reason = Reason.DEADLINE if stopped_by is StoppedBy.DEADLINE else Reason.MODEL_ERROR
        return fail_safe(pipeline.fail_safe, reason, "no readable answer")
    if score > limits.reject_above:
        return Decision(Verdict.NG, Disposition.REJECT, Reason.DEFECT)
    if stopped_by in (StoppedBy.DEADLINE, StoppedBy.ERROR):
        reason = Reason.DEADLINE if stopped_by is StoppedBy.DEADLINE else Reason.MODEL_ERROR
        return fail_safe(pipeline.fail_safe, reason, "votes not settled when asking ended")
    if score < limits.pass_below:
        return Decision(Verdict.OK, Disposition.PASS, Reason.NO_DEFECT)
    withheld = score < pipeline.thresholds.pass_below
    detail = "the second opinion doubts that it is good" if withheld else "score between the thresholds"
    return Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT, detail)


def effective_thresholds(pipeline: Pipeline, counting: Counting) -> Thresholds:
    """The line's thresholds for one part: nothing passes while its second opinion is missing, or doubts. A fused score
    has heard it already."""
    declared, opinion = pipeline.second_opinion, counting.opinion
    if declared is None:
        return pipeline.thresholds
    doubts = opinion is None or (counting.fusion is None and opinion.p_ng > declared.doubt_above)
    return pipeline.thresholds.model_copy(update={"pass_below": 0.0}) if doubts else pipeline.thresholds


def fail_safe(disposition: Disposition, reason: Reason, detail: str) -> Decision:
    """What the gate gets when nothing could be proved: never PASS."""
    return Decision(Verdict.INCONCLUSIVE, disposition, reason, detail)


def enforce_deadline(decision: Decision, pipeline: Pipeline, *, late: bool) -> Decision:
    """A PASS that comes after its deadline is withdrawn: the gate has already acted without it."""
    if late and decision.disposition is Disposition.PASS:
        return fail_safe(pipeline.fail_safe, Reason.DEADLINE, "decided after the deadline")
    return decision
