"""Why a part is given to a person, and for how long nobody else gets it. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from inspector.domain.review import ReviewMode


class ReviewList(StrEnum):
    """The lists of parts that wait for people.

    QUEUE: open parts, then those that teach most, then audits, then all further judged parts. AUDITS: audits alone.
    NEVER_JUDGED: parts without a vote. SECOND: parts with another person's answer only, the unsure ones first.
    DISPUTED: parts to adjudicate. NAMED: parts without an answer that the request names, such as those of a plan.
    """

    QUEUE = "queue"
    AUDITS = "audits"
    NEVER_JUDGED = "never_judged"
    SECOND = "second"
    DISPUTED = "disputed"
    NAMED = "named"


class ReviewPurpose(StrEnum):
    """Why a part is asked about: the votes left it open, it teaches, it was drawn, and so on.

    FURTHER: none of these, and nothing better waits.
    """

    OPEN = "open"
    TEACHES = "teaches"
    AUDIT = "audit"
    FURTHER = "further"
    NEVER_JUDGED = "never_judged"
    SECOND = "second"
    DISPUTED = "disputed"
    NAMED = "named"

    @property
    def mode(self) -> ReviewMode:
        """The mode of an answer that is given for this purpose."""
        return MODES.get(self, ReviewMode.TEACH)


MODES: Final = {
    ReviewPurpose.AUDIT: ReviewMode.AUDIT,
    ReviewPurpose.SECOND: ReviewMode.SECOND,
    ReviewPurpose.DISPUTED: ReviewMode.ADJUDICATION,
}
PURPOSES: Final = {
    ReviewList.QUEUE: (ReviewPurpose.OPEN, ReviewPurpose.TEACHES, ReviewPurpose.AUDIT, ReviewPurpose.FURTHER),
    ReviewList.AUDITS: (ReviewPurpose.AUDIT,),
    ReviewList.NEVER_JUDGED: (ReviewPurpose.NEVER_JUDGED,),
    ReviewList.SECOND: (ReviewPurpose.SECOND,),
    ReviewList.DISPUTED: (ReviewPurpose.DISPUTED,),
    ReviewList.NAMED: (ReviewPurpose.NAMED,),
}


class ReviewLease(NamedTuple):
    """A part that one person has on screen until a time; `blind` hides the verdict from them."""

    result_id: str
    number: int
    line: str
    reviewer: str
    purpose: ReviewPurpose
    blind: bool
    until: datetime
