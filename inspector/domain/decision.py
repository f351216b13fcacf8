"""From a tally of votes to the disposition that the gate must execute. Pure. Doubt never becomes PASS."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from inspector.domain.declared import Disposition
from inspector.domain.pipeline import Pipeline, Thresholds
from inspector.domain.vote import Counting, StoppedBy, Tally


class Verdict(StrEnum):
    """The judgement about the part."""

    OK = "OK"
    NG = "NG"
    INCONCLUSIVE = "INCONCLUSIVE"


class Reason(StrEnum):
    """Why the part got its disposition. The list is closed."""

    NO_DEFECT = "NO_DEFECT"
    DEFECT = "DEFECT"
    DISAGREEMENT = "DISAGREEMENT"
    DEADLINE = "DEADLINE"
    BAD_IMAGE = "BAD_IMAGE"
    MODEL_ERROR = "MODEL_ERROR"
    OVERLOAD = "OVERLOAD"
    UNQUALIFIED = "UNQUALIFIED"
    SAFE_MODE = "SAFE_MODE"
    PAUSED = "PAUSED"


JUDGED_REASONS: Final = frozenset({Reason.NO_DEFECT, Reason.DEFECT, Reason.DISAGREEMENT})  # what a judgement can say


MISSING_OPINION: Final = "the second opinion is missing"


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one part. PASS occurs only together with OK and NO_DEFECT."""

    verdict: Verdict
    disposition: Disposition
    reason: Reason
    detail: str = ""

    @property
    def outcome(self) -> JudgedOutcome:
        return JudgedOutcome(self.verdict, self.disposition)

    def __post_init__(self) -> None:
        proved = self.verdict is Verdict.OK and self.reason is Reason.NO_DEFECT
        if self.disposition is Disposition.PASS and not proved:
            raise ValueError(f"PASS needs OK and NO_DEFECT, not {self.verdict} and {self.reason}")


class JudgedOutcome(NamedTuple):
    """A verdict and its disposition, without the reason."""

    verdict: Verdict
    disposition: Disposition


def decide(pipeline: Pipeline, tally: Tally, stopped_by: StoppedBy) -> Decision:
    """Decide by comparing the tally's score with the two thresholds.

    A ladder that was cut short by the deadline or an error never ends in PASS: further votes could have overturned it.
    """
    score, thresholds = tally.score, effective_thresholds(pipeline, tally.counting)
    if score is None:
        reason = Reason.DEADLINE if stopped_by is StoppedBy.DEADLINE else Reason.MODEL_ERROR
        return fail_safe(pipeline.fail_safe, reason, _unread(tally))
    if score > thresholds.reject_above:
        return Decision(Verdict.NG, Disposition.REJECT, Reason.DEFECT)
    if stopped_by in (StoppedBy.DEADLINE, StoppedBy.ERROR):
        reason = Reason.DEADLINE if stopped_by is StoppedBy.DEADLINE else Reason.MODEL_ERROR
        return fail_safe(pipeline.fail_safe, reason, "votes not settled when asking ended")
    if score < thresholds.pass_below:
        return Decision(Verdict.OK, Disposition.PASS, Reason.NO_DEFECT)
    return Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT, _doubt(pipeline, tally, score))


def _doubt(pipeline: Pipeline, tally: Tally, score: float) -> str:
    declared = pipeline.thresholds
    if not declared.pass_below <= score <= declared.reject_above:
        return MISSING_OPINION if tally.counting.opinion is None else "the second opinion doubts that it is good"
    return "score between the thresholds"


def _unread(tally: Tally) -> str:
    shares = [vote.readable for vote in tally.votes if vote.readable is not None]
    return (
        f"no readable answer: OK and NG had at most {max(shares):.0%} of the probability"
        if shares
        else ("no readable answer")
    )


def effective_thresholds(pipeline: Pipeline, counting: Counting) -> Thresholds:
    """Return the line's thresholds for one part.

    Nothing passes while the second opinion is missing or doubts the part. A fused score already includes the opinion.
    Without a taught model's opinion nothing is rejected either: votes alone decide nothing on such a line.
    """
    declared, opinion = pipeline.second_opinion, counting.opinion
    if declared is None:
        return pipeline.thresholds
    if opinion is None and declared.is_taught:
        return Thresholds(pass_below=0.0, reject_above=1.0)
    doubts = opinion is None or (counting.fusion is None and opinion.p_ng > declared.doubt_above)
    return pipeline.thresholds.model_copy(update={"pass_below": 0.0}) if doubts else pipeline.thresholds


def fail_safe(disposition: Disposition, reason: Reason, detail: str) -> Decision:
    """Build the decision for a part that could not be proved good. It is never PASS."""
    return Decision(Verdict.INCONCLUSIVE, disposition, reason, detail)


def enforce_deadline(decision: Decision, pipeline: Pipeline, *, late: bool) -> Decision:
    """Withdraw a PASS that comes after its deadline: the gate has already acted without it."""
    if late and decision.disposition is Disposition.PASS:
        return fail_safe(pipeline.fail_safe, Reason.DEADLINE, "decided after the deadline")
    return decision
