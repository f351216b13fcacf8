"""From a tally to what the gate must do. Pure. Doubt never becomes PASS."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from inspector.pipeline import Disposition, Pipeline
from inspector.vote import StoppedBy, Tally


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
    score = tally.score
    if score is None:
        reason = Reason.DEADLINE if stopped_by is StoppedBy.DEADLINE else Reason.MODEL_ERROR
        return fail_safe(pipeline.fail_safe, reason, "no readable answer")
    if score > pipeline.thresholds.reject_above:
        return Decision(Verdict.NG, Disposition.REJECT, Reason.DEFECT)
    if stopped_by in (StoppedBy.DEADLINE, StoppedBy.ERROR):
        reason = Reason.DEADLINE if stopped_by is StoppedBy.DEADLINE else Reason.MODEL_ERROR
        return fail_safe(pipeline.fail_safe, reason, "votes not settled when asking ended")
    if score < pipeline.thresholds.pass_below:
        return Decision(Verdict.OK, Disposition.PASS, Reason.NO_DEFECT)
    return Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT, "score between the thresholds")


def fail_safe(disposition: Disposition, reason: Reason, detail: str) -> Decision:
    """What the gate gets when nothing could be proved: never PASS."""
    return Decision(Verdict.INCONCLUSIVE, disposition, reason, detail)


def in_time(decision: Decision, pipeline: Pipeline, *, late: bool) -> Decision:
    """A PASS that comes after its deadline is withdrawn: the gate has already acted without it."""
    if late and decision.disposition is Disposition.PASS:
        return fail_safe(pipeline.fail_safe, Reason.DEADLINE, "decided after the deadline")
    return decision
