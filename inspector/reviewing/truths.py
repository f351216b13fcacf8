"""Which answers a part accepts, given those that it has. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inspector.domain.review import MAX_BOXES, MAX_CLASSES, MAX_NOTE_CHARACTERS, Review, ReviewLabel, ReviewMode
from inspector.domain.truth import TruthState, standing, truth_of
from inspector.errors import ConflictError, InspectorError, NotFoundError


def accepted(review: Review, earlier: Sequence[Review]) -> Review:
    """Return the review as it is stored behind the part's `earlier` rows: it supersedes its author's own answer.

    Raises InspectorError for an answer that contradicts itself or supersedes what it may not.
    """
    _require_consistent(review)
    if review.supersedes is not None:
        _require_supersedable(review, earlier)
        return review
    if review.mode is ReviewMode.ADJUDICATION:
        _require_disputed(review, earlier)
    own = [each for each in standing(earlier) if _is_same_kind(each, review)]
    return replace(review, supersedes=own[-1].review_id if own else None)


def _is_same_kind(stored: Review, review: Review) -> bool:
    kinds = {each.mode is ReviewMode.ADJUDICATION for each in (stored, review)}
    return stored.reviewer == review.reviewer and len(kinds) == 1


def _require_consistent(review: Review) -> None:
    if review.label is ReviewLabel.OK and (review.classes or review.boxes):
        raise InspectorError("an OK part has no defect; leave classes and boxes out, or say NG")
    if len(review.classes) > MAX_CLASSES or len(review.boxes) > MAX_BOXES or len(review.note) > MAX_NOTE_CHARACTERS:
        raise InspectorError(
            f"a review has at most {MAX_CLASSES} classes, {MAX_BOXES} boxes and a note of {MAX_NOTE_CHARACTERS:,} "
            "characters; shorten it"
        )
    if not review.reviewer.isprintable():
        raise InspectorError("the reviewer's name has characters that can't be printed; use another name")


def _require_disputed(review: Review, earlier: Sequence[Review]) -> None:
    state = truth_of(earlier).state if earlier else None
    if state not in (TruthState.DISPUTED, TruthState.ADJUDICATED):
        raise ConflictError(
            f"the reviewers of part {review.result_id} do not differ, so there is nothing to adjudicate; review it"
        )


def _require_supersedable(review: Review, earlier: Sequence[Review]) -> None:
    """Require that the superseded row is its author's answer about this part, and that it stands."""
    named = next((each for each in earlier if each.review_id == review.supersedes), None)
    if named is None:
        raise NotFoundError(f"part {review.result_id} has no review {review.supersedes}; read its reviews again")
    if named.reviewer != review.reviewer:
        raise InspectorError(
            f"review {named.review_id} is by {named.reviewer}, and only its author may take it back; review the part"
        )
    if named not in standing(earlier):
        raise ConflictError(f"review {named.review_id} does not stand any more; read the part's reviews again")
