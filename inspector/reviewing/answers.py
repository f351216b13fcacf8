"""Take people's answers about parts: one or many, corrected, withdrawn or adjudicated."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from inspector.domain.part import PartRecord
from inspector.domain.pipeline import Pipeline
from inspector.domain.report import OTHER_CLASS
from inspector.domain.review import Review, ReviewBox, ReviewLabel, ReviewMode
from inspector.domain.review_lease import ReviewLease
from inspector.domain.truth import Truth, truth_of
from inspector.errors import InspectorError, NotFoundError
from inspector.ports.lines import LineArchive
from inspector.ports.reviews import LeaseStore, ListedReview, ReviewArchive, ReviewChange, ReviewStore, StoredReview
from inspector.reviewing.audit_sample import audit_probability
from inspector.utc import utc_now


class GivenReview(NamedTuple):
    """What a person says about one part. A repeated `review_id` is the same answer, sent again."""

    result_id: str
    label: ReviewLabel
    review_id: str | None = None
    note: str = ""
    classes: tuple[str, ...] = ()
    boxes: tuple[ReviewBox, ...] = ()
    seconds: float | None = None


class PartReviewHistory(NamedTuple):
    """All rows of a part's reviews, oldest first, and its truth; None where it has none."""

    line: str
    reviews: tuple[Review, ...]
    truth: Truth | None


@dataclass(frozen=True, slots=True)
class Reviews:
    """People's answers. Every method raises LedgerError, and NotFoundError for an unknown part."""

    archive: ReviewArchive
    lines: LineArchive
    store: ReviewStore
    leases: LeaseStore
    now: Callable[[], datetime] = utc_now

    def of_part(self, result_id: str) -> PartReviewHistory:
        line, reviews = self._part(result_id).key.line, tuple(self.archive.reviews_of_part(result_id))
        return PartReviewHistory(line, reviews, truth_of(reviews) if reviews else None)

    def line_of(self, result_id: str) -> str:
        return self._part(result_id).key.line

    def page(
        self, line: str | None, before: int | None, limit: int, lines: Sequence[str] | None = None
    ) -> list[ListedReview]:
        """List reviews, newest first. `lines` are all that may be listed."""
        return self.archive.review_page(line, before, limit, lines)

    def add(self, answers: Sequence[GivenReview], reviewer: str) -> list[StoredReview]:
        """Store all answers, or none. Raises InspectorError for an answer that is not accepted."""
        pipelines = self._pipelines()
        return self.store.add_reviews(ReviewChange([self._review(each, reviewer, pipelines) for each in answers]))

    def adjudicate(self, answer: GivenReview, reviewer: str, seen: int) -> StoredReview:
        """Decide about a disputed part that had `seen` rows. Raises StaleError where it has others now."""
        review = self._review(answer, reviewer, self._pipelines(), ReviewMode.ADJUDICATION)
        [stored] = self.store.add_reviews(ReviewChange([review], seen))
        return stored

    def withdraw(self, result_id: str, review_id: str, reviewer: str, withdrawal_id: str | None = None) -> StoredReview:
        """Take one's own review back. Raises ConflictError for one that does not stand any more."""
        identity = withdrawal_id or uuid.uuid4().hex
        row = Review(identity, result_id, None, reviewer, self.now(), supersedes=review_id)
        [stored] = self.store.add_reviews(ReviewChange([row]))
        return stored

    def _review(
        self, answer: GivenReview, reviewer: str, pipelines: dict[str, Pipeline], mode: ReviewMode | None = None
    ) -> Review:
        part, lease = self._part(answer.result_id), self.leases.lease_of(reviewer, answer.result_id)
        pipeline = pipelines.get(part.key.line)
        if pipeline:
            _require_declared(answer, pipeline)
        return Review(
            review_id=answer.review_id or uuid.uuid4().hex,
            result_id=answer.result_id,
            label=answer.label,
            reviewer=reviewer,
            at=self.now(),
            mode=mode or _mode(lease),
            note=answer.note,
            classes=answer.classes,
            boxes=answer.boxes,
            seconds=answer.seconds,
            blind=lease is not None and lease.blind,
            probability=audit_probability(part, pipeline.reviews) if pipeline else None,
        )

    def _pipelines(self) -> dict[str, Pipeline]:
        return {version.pipeline.line: version.pipeline for version in self.lines.list_pipelines()}

    def _part(self, result_id: str) -> PartRecord:
        row = self.archive.part(result_id)
        if row is None:
            raise NotFoundError(f"no part has the result_id {result_id}")
        return row.part


def _mode(lease: ReviewLease | None) -> ReviewMode:
    """Return why the person was asked. An answer to a disputed part that does not adjudicate is a further opinion."""
    if lease is None:
        return ReviewMode.TEACH
    return ReviewMode.SECOND if lease.purpose.mode is ReviewMode.ADJUDICATION else lease.purpose.mode


def _require_declared(answer: GivenReview, pipeline: Pipeline) -> None:
    declared = (*pipeline.defects, OTHER_CLASS)
    named = (*answer.classes, *(box.defect for box in answer.boxes if box.defect is not None))
    if unknown := next((each for each in named if each not in declared), None):
        raise InspectorError(
            f"classes: {pipeline.line} declares no defect {unknown!r}; use one of {', '.join(declared)}, or declare it"
        )
