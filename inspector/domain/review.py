"""A person's answer about a decided part. Answers are appended; a later one may supersede an earlier one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from inspector.domain.report import Box

MAX_CLASSES: Final = 32  # of one review, as of one line
MAX_BOXES: Final = 64  # of one review
MAX_NOTE_CHARACTERS: Final = 2_000
MAX_SECONDS: Final = 86_400.0  # that a person may take for one answer
MAX_REVIEW_ID_CHARACTERS: Final = 64


class ReviewLabel(StrEnum):
    """What a person says about a part. UNSURE: the person cannot tell."""

    OK = "OK"
    NG = "NG"
    UNSURE = "UNSURE"


class ReviewMode(StrEnum):
    """Why a person was asked.

    TEACH: the part waits, or its answer teaches. AUDIT: it was drawn with a known probability. SECOND: it has one
    person's answer. ADJUDICATION: its reviewers differ, and this answer decides. IMPORT: the answer comes from a file.
    """

    TEACH = "teach"
    AUDIT = "audit"
    SECOND = "second"
    ADJUDICATION = "adjudication"
    IMPORT = "import"


class ReviewBox(NamedTuple):
    """A place that a person marked, in coordinates of the whole frame. `defect` is its class, if it has one."""

    bbox_norm: Box
    defect: str | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """One row of a part's reviews.

    `label` None withdraws the review that it supersedes. `probability` is that of the draw of an audit. `blind`: the
    person did not see the verdict. A repeated `review_id` is the same review.
    """

    review_id: str
    result_id: str
    label: ReviewLabel | None
    reviewer: str
    at: datetime
    mode: ReviewMode = ReviewMode.TEACH
    note: str = ""
    classes: tuple[str, ...] = ()
    boxes: tuple[ReviewBox, ...] = ()
    seconds: float | None = None
    blind: bool = False
    probability: float | None = None
    supersedes: str | None = None

    @property
    def is_withdrawal(self) -> bool:
        return self.label is None

    def repeats(self, stored: Review) -> bool:
        """Return whether this is the stored review, sent again. Only what the server adds may differ."""
        return self._content() == stored._content()

    def _content(self) -> tuple[object, ...]:
        said = (self.result_id, self.label, self.reviewer, self.note, self.classes, self.boxes)
        return (*said, self.mode is ReviewMode.ADJUDICATION)
