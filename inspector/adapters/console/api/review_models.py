"""Requests and responses about reviews, truths and leases."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import Field, StringConstraints, field_validator

from inspector.adapters.console.api.models import MAX_RESULT_ID_CHARACTERS, ApiModel, ApiRequest
from inspector.adapters.console.schemas import PartSummary
from inspector.domain.declared import Disposition, Name, Share
from inspector.domain.report import Box
from inspector.domain.review import (
    MAX_BOXES,
    MAX_CLASSES,
    MAX_NOTE_CHARACTERS,
    MAX_REVIEW_ID_CHARACTERS,
    MAX_SECONDS,
    Review,
    ReviewBox,
    ReviewLabel,
    ReviewMode,
)
from inspector.domain.review_lease import ReviewList, ReviewPurpose
from inspector.domain.truth import Truth, TruthState
from inspector.ports.archive import PartRow
from inspector.ports.reviews import StoredReview, WaitingCounts
from inspector.reviewing.answers import GivenReview, PartReviewHistory
from inspector.reviewing.queue import LEASE_MINUTES, MAX_LEASE_MINUTES, MAX_LEASED_PARTS, GivenPart

MAX_BULK_REVIEWS: Final = 200
MAX_NAMED_PARTS: Final = 500
ReviewId = Annotated[
    str, StringConstraints(pattern=rf"^[A-Za-z0-9][A-Za-z0-9_.\-]{{0,{MAX_REVIEW_ID_CHARACTERS - 1}}}$")
]
Corners = tuple[Share, Share, Share, Share]


class BoxModel(ApiModel):
    """A place that a person marked, in coordinates of the whole frame, normalised to 0..1."""

    bbox_norm: Corners = Field(description="x0, y0, x1, y1, with x1 > x0 and y1 > y0")
    defect: Name | None = Field(default=None, description="its class, as the line declares it, or other")

    @field_validator("bbox_norm")
    @classmethod
    def _is_a_box(cls, corners: Corners) -> Corners:
        x0, y0, x1, y1 = corners
        if x1 <= x0 or y1 <= y0:
            raise ValueError("a box has x1 > x0 and y1 > y0")
        return corners


class AnswerRequest(ApiRequest):
    """A person's answer about a part. The same `review_id` again is the same answer, stored once."""

    label: ReviewLabel
    review_id: ReviewId | None = Field(default=None, description="made by the client, such as a UUID")
    classes: Annotated[tuple[Name, ...], Field(max_length=MAX_CLASSES)] = ()
    boxes: Annotated[tuple[BoxModel, ...], Field(max_length=MAX_BOXES)] = ()
    note: Annotated[str, Field(max_length=MAX_NOTE_CHARACTERS)] = ""
    seconds: float | None = Field(default=None, ge=0.0, le=MAX_SECONDS, description="that the person took")

    def answer(self, result_id: str, key: str | None = None) -> GivenReview:
        boxes = tuple(ReviewBox(Box(*each.bbox_norm), each.defect) for each in self.boxes)
        said = (self.label, self.review_id or key, self.note, self.classes, boxes, self.seconds)
        return GivenReview(result_id, *said)


class BulkAnswer(AnswerRequest):
    """One of many answers."""

    result_id: Annotated[str, Field(max_length=128)]


class BulkRequest(ApiRequest):
    """Answers to store together, all or none."""

    reviews: Annotated[tuple[BulkAnswer, ...], Field(min_length=1, max_length=MAX_BULK_REVIEWS)]


class LeaseBody(ApiRequest):
    """Ask for waiting parts of one list; nobody else gets them until the lease ends."""

    line: Name
    list: ReviewList = Field(default=ReviewList.QUEUE, description="which parts")
    result_ids: tuple[Annotated[str, StringConstraints(max_length=MAX_RESULT_ID_CHARACTERS)], ...] = Field(
        default=(), max_length=MAX_NAMED_PARTS, description="the parts of the list `named`, in their order"
    )
    parts: int = Field(default=1, ge=1, le=MAX_LEASED_PARTS, description="how many at most, those held included")
    blind: bool = Field(default=False, description="true hides verdicts and scores, so that answers are independent")
    minutes: float = Field(default=LEASE_MINUTES, gt=0.0, le=MAX_LEASE_MINUTES)


class ReviewModel(ApiModel):
    """One row of a part's reviews. `label` null withdraws the review that it supersedes."""

    review_id: str
    result_id: str
    label: ReviewLabel | None
    reviewer: str
    at: datetime
    mode: ReviewMode
    note: str
    classes: tuple[str, ...]
    boxes: tuple[BoxModel, ...]
    seconds: float | None
    blind: bool = Field(description="the person did not see the verdict")
    probability: float | None = Field(description="with which the part was drawn for an audit; null where it was not")
    supersedes: str | None

    @classmethod
    def of(cls, review: Review) -> ReviewModel:
        return cls.model_validate(review)


class TruthModel(ApiModel):
    """What counts about a part. A disputed part counts nowhere until somebody adjudicates."""

    state: TruthState
    label: ReviewLabel | None
    reviews: int = Field(ge=0, description="answers that stand")
    by: str = Field(description="review_id of the answer that brought it about")
    disposition: Disposition | None = Field(description="what the line may do with the part; null while nobody can say")

    @classmethod
    def of(cls, truth: Truth) -> TruthModel:
        return cls(
            state=truth.state,
            label=truth.label,
            reviews=truth.reviews,
            by=truth.by.review_id,
            disposition=truth.disposition,
        )


class PartReviewsModel(ApiModel):
    """All reviews of a part, oldest first, and its truth; null where nobody reviewed it."""

    line: str
    truth: TruthModel | None
    reviews: tuple[ReviewModel, ...]

    @classmethod
    def of(cls, answers: PartReviewHistory) -> PartReviewsModel:
        truth = TruthModel.of(answers.truth) if answers.truth else None
        return cls(line=answers.line, truth=truth, reviews=tuple(map(ReviewModel.of, answers.reviews)))


class StoredReviewModel(ApiModel):
    """A review as it was stored, and the truth after it."""

    review: ReviewModel
    truth: TruthModel
    is_new: bool = Field(description="false for an answer that was sent again")

    @classmethod
    def of(cls, stored: StoredReview) -> StoredReviewModel:
        return cls(review=ReviewModel.of(stored.review), truth=TruthModel.of(stored.truth), is_new=stored.is_new)


class BulkModel(ApiModel):
    """The stored answers, in the order of the request."""

    reviews: tuple[StoredReviewModel, ...]


class ReviewPage(ApiModel):
    """Reviews, newest first. `next_before` is the `before` of the next, older page; null on the last page."""

    reviews: tuple[ReviewModel, ...]
    next_before: int | None


class GivenPartModel(ApiModel):
    """A part that the person has on screen until a time, and why. Its picture is below `/parts/{result_id}`."""

    result_id: str
    number: int
    line: str
    camera: str
    trigger_id: str
    part_id: str | None
    lot: str | None
    received_at: datetime
    has_picture: bool
    purpose: ReviewPurpose
    blind: bool
    until: datetime
    part: PartSummary | None = Field(description="verdict and score; null where the lease is blind")

    @classmethod
    def of(cls, given: GivenPart) -> GivenPartModel:
        lease, part = given
        return cls(
            result_id=part.result_id,
            number=lease.number,
            line=part.key.line,
            camera=part.key.camera,
            trigger_id=part.key.trigger_id,
            part_id=part.part_id,
            lot=part.lot,
            received_at=part.received_at,
            has_picture=part.evidence is not None,
            purpose=lease.purpose,
            blind=lease.blind,
            until=lease.until,
            part=None if lease.blind else PartSummary.of(PartRow(lease.number, part)),
        )


class GivenParts(ApiModel):
    """The parts that the person has on screen now, in the order of the list."""

    parts: tuple[GivenPartModel, ...]


class WaitingModel(ApiModel):
    """How many parts of a line wait for people, each counted up to `limit`."""

    open: int = Field(ge=0, description="votes left them open")
    never_judged: int = Field(ge=0, description="got their disposition without a vote")
    disputed: int = Field(ge=0, description="reviewers differ")
    oldest_open: datetime | None = Field(description="when the oldest open part was decided")
    limit: int

    @classmethod
    def of(cls, counts: WaitingCounts) -> WaitingModel:
        return cls.model_validate(counts)
