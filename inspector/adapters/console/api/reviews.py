"""Reviews: what people say about parts, one or many, withdrawn or adjudicated."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response, status
from pydantic import Field

from inspector.adapters.console.api.etags import IfMatch, etag, require_match
from inspector.adapters.console.api.models import MAX_NUMBER, ApiRequest, ResultId
from inspector.adapters.console.api.person import Reviewer, Viewer, require_on_line, shows_own_lines
from inspector.adapters.console.api.problems import WRITE_RESPONSES
from inspector.adapters.console.api.review_models import (
    AnswerRequest,
    BulkModel,
    BulkRequest,
    PartReviewsModel,
    ReviewId,
    ReviewModel,
    ReviewPage,
    StoredReviewModel,
)
from inspector.adapters.console.services import Services
from inspector.domain.declared import Name
from inspector.domain.person import Role
from inspector.reviewing.answers import PartReviewHistory

router = APIRouter(tags=["reviews"])
IdempotencyKey = Annotated[
    ReviewId | None, Header(alias="Idempotency-Key", description="the review_id, where the body has none")
]
ReviewPath = Annotated[ReviewId, Path()]


class ReviewsQuery(ApiRequest):
    """Selects reviews."""

    line: Name | None = Field(default=None, description="only this product line")
    before: int | None = Field(default=None, ge=1, le=MAX_NUMBER, description="only reviews with a smaller number")
    limit: int = Field(default=50, ge=1, le=200)


@router.get("/reviews")
@shows_own_lines
def list_reviews(services: Services, query: Annotated[ReviewsQuery, Query()], who: Viewer) -> ReviewPage:
    """List reviews of one's lines, newest first."""
    rows = services.reviews.page(query.line, query.before, query.limit, who.lines_as(Role.VIEWER))
    more = rows[-1].number if len(rows) == query.limit else None
    return ReviewPage(reviews=tuple(ReviewModel.of(row.review) for row in rows), next_before=more)


@router.post("/reviews:bulk", responses=WRITE_RESPONSES)
def add_many(services: Services, asked: BulkRequest, who: Reviewer) -> BulkModel:
    """Store many answers, all or none."""
    for result_id in {each.result_id for each in asked.reviews}:
        require_on_line(who, Role.REVIEWER, services.reviews.line_of(result_id))
    stored = services.reviews.add([each.answer(each.result_id) for each in asked.reviews], who.name)
    return BulkModel(reviews=tuple(map(StoredReviewModel.of, stored)))


@router.get("/parts/{result_id}/reviews")
def read_reviews(services: Services, result_id: ResultId, who: Viewer, response: Response) -> PartReviewsModel:
    """Return all reviews of a part and its truth. The ETag is what an adjudication sends as If-Match."""
    answers = services.reviews.of_part(result_id)
    require_on_line(who, Role.VIEWER, answers.line)
    response.headers["ETag"] = _tag(result_id, answers)
    return PartReviewsModel.of(answers)


@router.post("/parts/{result_id}/reviews", status_code=status.HTTP_201_CREATED, responses=WRITE_RESPONSES)
def add_review(
    services: Services,
    result_id: ResultId,
    asked: AnswerRequest,
    who: Reviewer,
    response: Response,
    key: IdempotencyKey = None,
) -> StoredReviewModel:
    """Store an answer: 201, or 200 for one that was sent again. It supersedes the person's own earlier answer."""
    require_on_line(who, Role.REVIEWER, services.reviews.line_of(result_id))
    [stored] = services.reviews.add([asked.answer(result_id, key)], who.name)
    if not stored.is_new:
        response.status_code = status.HTTP_200_OK
    return StoredReviewModel.of(stored)


@router.post("/parts/{result_id}/reviews/{review_id}/withdrawal", responses=WRITE_RESPONSES)
def withdraw_review(
    services: Services, result_id: ResultId, review_id: ReviewPath, who: Reviewer, key: IdempotencyKey = None
) -> StoredReviewModel:
    """Take one's own review back. The line receives a new message where it had received the review's disposition."""
    require_on_line(who, Role.REVIEWER, services.reviews.line_of(result_id))
    return StoredReviewModel.of(services.reviews.withdraw(result_id, review_id, who.name, key))


@router.put("/parts/{result_id}/adjudication", responses=WRITE_RESPONSES)
def adjudicate(
    services: Services,
    result_id: ResultId,
    asked: AnswerRequest,
    who: Reviewer,
    response: Response,
    if_match: IfMatch = None,
    key: IdempotencyKey = None,
) -> StoredReviewModel:
    """Decide about a part whose reviewers differ. If-Match is the ETag of the reviews that the person read."""
    answers = services.reviews.of_part(result_id)
    require_on_line(who, Role.REVIEWER, answers.line)
    decided = asked.answer(result_id, key)
    if decided.review_id is None or decided.review_id not in {each.review_id for each in answers.reviews}:
        require_match(if_match, _tag(result_id, answers))
    stored = services.reviews.adjudicate(decided, who.name, len(answers.reviews))
    response.headers["ETag"] = _tag(result_id, services.reviews.of_part(result_id))
    return StoredReviewModel.of(stored)


def _tag(result_id: str, answers: PartReviewHistory) -> str:
    return etag("reviews", result_id, len(answers.reviews))
