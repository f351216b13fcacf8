"""What counts as the truth about a part, out of all answers that people gave. Pure.

Every reviewer has one answer: the newest that nobody superseded. UNSURE abstains: it neither agrees nor differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from inspector.domain.decision import Verdict
from inspector.domain.declared import Disposition
from inspector.domain.review import Review, ReviewLabel, ReviewMode


class TruthState(StrEnum):
    """How a part's truth came about.

    SINGLE: one person's answer. AGREED: several, all alike. DISPUTED: they differ, and the part counts nowhere until
    somebody adjudicates. ADJUDICATED: the adjudicator's answer. WITHDRAWN: no answer stands any more.
    """

    SINGLE = "SINGLE"
    AGREED = "AGREED"
    DISPUTED = "DISPUTED"
    ADJUDICATED = "ADJUDICATED"
    WITHDRAWN = "WITHDRAWN"


class Truth(NamedTuple):
    """The truth about one part. `label` is None where there is none: DISPUTED or WITHDRAWN.

    `reviews` counts the answers that stand, `by` is the review that brought the truth about.
    """

    state: TruthState
    label: ReviewLabel | None
    reviews: int
    by: Review

    @property
    def is_ng(self) -> bool | None:
        """Whether the part is NG; None where it counts nowhere."""
        return IS_NG.get(self.label) if self.label else None

    @property
    def disposition(self) -> Disposition | None:
        """What the line may do with the part; None where people say neither OK nor NG."""
        return DISPOSITIONS.get(self.label) if self.label else None


IS_NG: Final = {ReviewLabel.OK: False, ReviewLabel.NG: True}
DISPOSITIONS: Final = {ReviewLabel.OK: Disposition.PASS, ReviewLabel.NG: Disposition.REJECT}
VERDICTS: Final = {
    Disposition.PASS: Verdict.OK,
    Disposition.REJECT: Verdict.NG,
    Disposition.REVIEW: Verdict.INCONCLUSIVE,
}


def standing(reviews: Sequence[Review]) -> list[Review]:
    """Return the answers that stand, oldest first: those that no later row supersedes, one of each reviewer.

    An adjudication stands next to its author's own answer.
    """
    superseded = {review.supersedes for review in reviews}
    answers = [each for each in reviews if each.label and each.review_id not in superseded]
    newest = {(each.reviewer, each.mode is ReviewMode.ADJUDICATION): each for each in answers}
    return sorted(newest.values(), key=answers.index)


def truth_of(reviews: Sequence[Review]) -> Truth:
    """Return the truth about a part. `reviews` are all its rows, at least one, in the order of storing."""
    answers = standing(reviews)
    if not answers:
        return Truth(TruthState.WITHDRAWN, None, 0, reviews[-1])
    adjudications = [each for each in answers if each.mode is ReviewMode.ADJUDICATION]
    if adjudications:
        return Truth(TruthState.ADJUDICATED, adjudications[-1].label, len(answers), adjudications[-1])
    sure = [each for each in answers if each.label is not ReviewLabel.UNSURE] or answers
    if len({each.label for each in sure}) > 1:
        return Truth(TruthState.DISPUTED, None, len(answers), sure[-1])
    state = TruthState.SINGLE if len(sure) == 1 else TruthState.AGREED
    return Truth(state, sure[-1].label, len(answers), sure[-1])


def disposition_change(received: Disposition, was_announced: bool, truth: Truth) -> Disposition | None:
    """Return the disposition to announce to the line after a review; None where the line knows it already.

    `received` is the newest disposition that the line has: of the verdict, or of an earlier review where one
    `was_announced`. What people take back or dispute after that becomes REVIEW: doubt never stays PASS.
    """
    wanted = truth.disposition or (Disposition.REVIEW if was_announced else None)
    return None if wanted in (None, received) else wanted
