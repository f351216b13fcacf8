"""Leases: the next parts for one person, which nobody else gets meanwhile."""

from __future__ import annotations

from fastapi import APIRouter, status

from inspector.adapters.console.api.models import LineName, ResultId
from inspector.adapters.console.api.person import Reviewer, require_on_line
from inspector.adapters.console.api.problems import WRITE_RESPONSES, Problem, ProblemType
from inspector.adapters.console.api.review_models import GivenPartModel, GivenParts, LeaseBody, WaitingModel
from inspector.adapters.console.services import Services
from inspector.domain.person import Role

router = APIRouter(tags=["reviews"])


@router.post("/review-leases", responses=WRITE_RESPONSES)
def take_parts(services: Services, asked: LeaseBody, who: Reviewer) -> GivenParts:
    """Return the next parts of a list. Parts that the person holds already come first, and their leases are renewed."""
    require_on_line(who, Role.REVIEWER, asked.line)
    given = services.review_queue.take(
        asked.line,
        asked.list,
        who.name,
        asked.parts,
        blind=asked.blind,
        minutes=asked.minutes,
        named=asked.result_ids,
    )
    return GivenParts(parts=tuple(map(GivenPartModel.of, given)))


@router.delete("/review-leases/{result_id}", status_code=status.HTTP_204_NO_CONTENT)
def give_back(services: Services, result_id: ResultId, who: Reviewer) -> None:
    """Let others have this part."""
    if not services.review_queue.give_back(who.name, [result_id]):
        raise Problem(ProblemType.NOT_FOUND, f"{who.name} has no lease of part {result_id}")


@router.get("/lines/{line}/waiting-parts")
def count_waiting(services: Services, line: LineName) -> WaitingModel:
    """Count the parts of a line that wait for people."""
    return WaitingModel.of(services.review_queue.counts(line))
