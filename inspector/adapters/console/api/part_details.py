"""Details of one part: the questions about it with their pictures, and reviewed parts of its like."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import Field

from inspector.adapters.console.api.models import ApiModel, ResultId
from inspector.adapters.console.api.parts import part_address
from inspector.adapters.console.api.picture_responses import picture_response
from inspector.adapters.console.api.problems import Problem, ProblemType
from inspector.adapters.console.services import ConsoleServices, Services
from inspector.domain.declared import Disposition, Share
from inspector.domain.heat_map import HeatMap
from inspector.domain.part import PartRecord
from inspector.domain.review import ReviewLabel
from inspector.lines.part_questions import AskedView
from inspector.messages.incoming import Sha256
from inspector.reviewing.nearest_parts import NearestPart

NO_HEAT: Final = "its line has no second opinion that finds places, or the part has no stored picture"

router = APIRouter(prefix="/parts", tags=["parts"])


class AskedViewFacts(ApiModel):
    """One view of one rung, with what the model was shown."""

    rung: int
    view: str
    questions: tuple[str, ...]
    golden: tuple[str, ...] = Field(description="addresses of the golden samples that came before the frame")
    similar: tuple[str, ...] = Field(description="addresses of the reviewed OK and NG part that came before the frame")
    is_detail: bool = Field(description="golden samples and frame were cut to the same suspicious region")

    @classmethod
    def of(cls, result_id: str, asked: AskedView) -> AskedViewFacts:
        def addresses(shown: Iterable[str]) -> tuple[str, ...]:
            return tuple(f"{part_address(result_id)}/pictures/{sha256}" for sha256 in shown)

        return cls(**asked._asdict() | {"golden": addresses(asked.golden), "similar": addresses(asked.similar)})


class PartQuestionList(ApiModel):
    """The views whose votes are stored, in the order of the ladder."""

    questions: tuple[AskedViewFacts, ...]


class HeatMapAnswer(ApiModel):
    """How far each place of the frame is from what is usual, as a grid of cells over `bbox_norm`.

    A level of 0 is the heat `least`, 255 is `most`. The second opinion's own scale counts: 1 is usual where it compares
    with golden samples.
    """

    rows: int
    columns: int
    bbox_norm: tuple[float, float, float, float] = Field(description="x0, y0, x1, y1 of the whole frame, 0 to 1")
    least: float
    most: float
    levels: tuple[int, ...] = Field(description="0 to 255, row by row")

    @classmethod
    def of(cls, heat: HeatMap) -> HeatMapAnswer:
        named = {name: getattr(heat, name) for name in ("rows", "columns", "least", "most")}
        return cls(bbox_norm=heat.box, levels=tuple(heat.levels), **named)


class NearestPartFacts(ApiModel):
    """A reviewed part that looks like the one asked for."""

    result_id: str
    address: str
    truth: ReviewLabel
    disposition: Disposition
    likeness: Share = Field(description="1: the same picture; 0: nothing in common")

    @classmethod
    def of(cls, found: NearestPart) -> NearestPartFacts:
        part, truth = found.part, ReviewLabel.NG if found.is_ng else ReviewLabel.OK
        address = part_address(part.result_id)
        return cls(
            result_id=part.result_id,
            address=address,
            truth=truth,
            disposition=part.decision.disposition,
            likeness=found.likeness,
        )


class NearestPartList(ApiModel):
    """Reviewed parts of the same line, the most similar first."""

    parts: tuple[NearestPartFacts, ...]


@router.get("/{result_id}/questions")
def read_questions(services: Services, result_id: ResultId) -> PartQuestionList:
    """Return what the model was asked about the part, and the stored pictures that it was shown."""
    part = _part(services, result_id)
    return PartQuestionList(questions=tuple(AskedViewFacts.of(result_id, each) for each in services.questions.of(part)))


@router.get("/{result_id}/pictures/{sha256}", response_class=Response)
async def read_shown_picture(
    services: Services, result_id: ResultId, sha256: Sha256, side: Annotated[int | None, Query(ge=16, le=2048)] = None
) -> Response:
    """Return a stored picture that the model was shown with this part: its bytes, or a JPEG within side x side."""
    part = await asyncio.to_thread(_part, services, result_id)
    asked = await asyncio.to_thread(services.questions.of, part)
    was_shown = any(sha256 in (*each.golden, *each.similar) for each in asked)
    if was_shown and side is not None:
        return picture_response(await services.catalogue.thumbnail(sha256, side))
    body = await services.catalogue.picture(sha256) if was_shown else None
    if body is None:
        raise Problem(ProblemType.NOT_FOUND, f"The model was shown no picture {sha256} with this part")
    return picture_response(body)


@router.get("/{result_id}/heatmap")
def read_heat_map(services: Services, result_id: ResultId) -> HeatMapAnswer:
    """Return the heat map of the part's second opinion. It is kept for as long as the part's picture."""
    heat = services.catalogue.heat_map(result_id)
    if heat is None:
        part = _part(services, result_id)
        missing = "its picture and heat map were removed" if part.evidence and part.evidence.is_removed else NO_HEAT
        raise Problem(ProblemType.NOT_FOUND, f"part {result_id} has no heat map: {missing}")
    return HeatMapAnswer.of(heat)


@router.get("/{result_id}/nearest")
def read_nearest(
    services: Services, result_id: ResultId, limit: Annotated[int, Query(ge=1, le=32)] = 5
) -> NearestPartList:
    """Return the reviewed parts of the same line that look most like this one, with what people said about them.

    The list is empty while no reviewed part of the line has a picture to compare.
    """
    _part(services, result_id)
    return NearestPartList(parts=tuple(map(NearestPartFacts.of, services.nearest.of(result_id, limit))))


def _part(services: ConsoleServices, result_id: str) -> PartRecord:
    row = services.nearest.archive.part(result_id)
    if row is None:
        raise Problem(ProblemType.NOT_FOUND, f"no part has the result_id {result_id}")
    return row.part
