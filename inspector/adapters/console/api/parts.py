"""Parts: lists, reports and pictures."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AfterValidator, Field

from inspector.adapters.console.api.models import MAX_NUMBER, PREFIX, ApiRequest, Moment, ResultId
from inspector.adapters.console.api.person import Viewer, shows_own_lines
from inspector.adapters.console.api.picture_responses import picture_response
from inspector.adapters.console.api.problems import Problem, ProblemType
from inspector.adapters.console.pictures import placeholder
from inspector.adapters.console.schemas import AdjacentParts, PartList, PartReport
from inspector.adapters.console.services import Services
from inspector.domain.decision import Reason
from inspector.domain.declared import Disposition, Name
from inspector.domain.person import Person, Role
from inspector.ports.archive import PartFilter, PartSort, ReviewFilter
from inspector.text import printable

MAX_FILTER_CHARACTERS: Final = 256
FILTER_NAMES: Final = tuple(name for name in PartFilter._fields if name not in ("reviewer", "lines"))
Wanted = Annotated[
    str | None, Field(max_length=MAX_FILTER_CHARACTERS), AfterValidator(lambda text: text and printable(text))
]


class PartsQuery(ApiRequest):
    """Selects parts. An unknown parameter is refused: a misspelt filter would silently list everything."""

    line: Name | None = Field(default=None, description="only this product line")
    camera: Name | None = Field(default=None, description="only this camera")
    disposition: Disposition | None = Field(default=None, description="only parts with this disposition")
    reason: Reason | None = Field(default=None, description="only parts with this reason")
    trigger_id: Wanted = Field(default=None, description="only parts of this trigger")
    part_id: Wanted = Field(default=None, description="only parts that their frames name so")
    lot: Wanted = Field(default=None, description="only parts of this lot")
    defect: Wanted = Field(default=None, description="only parts whose report names this defect class")
    since: Moment | None = Field(default=None, alias="from", description="only parts decided then or later")
    until: Moment | None = Field(default=None, alias="to", description="only parts decided before this time")
    p_min: float | None = Field(default=None, ge=0.0, le=1.0, description="only parts with a p(NG) of at least this")
    p_max: float | None = Field(default=None, ge=0.0, le=1.0, description="only parts with a p(NG) of at most this")
    sort: PartSort = Field(default=PartSort.NEWEST, description="by what to sort; with -, the greatest first")
    before: int | None = Field(
        default=None, ge=1, le=MAX_NUMBER, description="only parts that `sort` puts below the part with this number"
    )
    after: int | None = Field(
        default=None, ge=0, le=MAX_NUMBER, description="only parts that it puts above this part, the nearest ones"
    )
    review: ReviewFilter | None = Field(default=None, description="only parts with such reviews; mine: by this person")
    limit: int = Field(default=50, ge=1, le=200)

    def wanted(self, who: Person) -> PartFilter:
        """Return the filter, limited to what this person may see."""
        reviewer = who.name if self.review is ReviewFilter.MINE else ""
        named = {name: getattr(self, name) for name in FILTER_NAMES}
        return PartFilter(**named, reviewer=reviewer, lines=None if self.line else who.lines_as(Role.VIEWER))


async def _part(result_id: ResultId, services: Services) -> PartReport:
    part = await services.catalogue.part(result_id)
    if part is None:
        raise Problem(ProblemType.NOT_FOUND, f"no part has the result_id {result_id}")
    return part


PartDependency = Annotated[PartReport, Depends(_part)]
router = APIRouter(prefix="/parts", tags=["parts"])


@router.get("")
@shows_own_lines
async def list_parts(services: Services, query: Annotated[PartsQuery, Query()], who: Viewer) -> PartList:
    """List decided parts of one's lines, newest first unless sorted otherwise.

    A list by p_ng holds only parts that have one. Read on with `before` = `next_before`, in rising order with `after` =
    `next_after`. Read back with the first part's number as the other of the two.
    """
    return await services.catalogue.parts(query.wanted(who), query.limit)


@router.get("/{result_id}")
async def read_part(services: Services, part: PartDependency) -> PartReport:
    """Return the whole report of one part: verdict, every vote, the model's words, the picture's hash."""
    if part.report.second_opinion is None:
        return part
    heat = await asyncio.to_thread(services.catalogue.heat_map, part.report.verdict.result_id)
    return part.model_copy(update={"has_heat_map": heat is not None})


@router.get("/{result_id}/picture", response_class=Response)
async def read_picture(services: Services, part: PartDependency) -> Response:
    """Return the stored picture, byte for byte. Bytes of an unknown type are offered as a download only."""
    if part.picture is None:
        raise Problem(ProblemType.NOT_FOUND, "No picture was stored with this part")
    body = await services.catalogue.picture(part.picture.sha256)
    if body is None and part.picture.is_removed:
        detail = f"Picture {part.picture.sha256} was removed as the line's `retention` declares; its record stays"
        raise Problem(ProblemType.PICTURE_REMOVED, detail)
    if body is None:
        raise Problem(ProblemType.NOT_FOUND, f"The evidence store has no picture {part.picture.sha256}")
    return picture_response(body)


@router.get("/{result_id}/thumbnail", response_class=Response)
async def read_thumbnail(
    services: Services, part: PartDependency, side: Annotated[int, Query(ge=16, le=2048)] = 160
) -> Response:
    """Return the picture as JPEG within side x side pixels; a drawing if it is missing, removed or can't be read."""
    if part.picture is None:
        return picture_response(placeholder("missing"))
    absent = "removed" if part.picture.is_removed else "missing"
    return picture_response(await services.catalogue.thumbnail(part.picture.sha256, side, absent))


@router.get("/{result_id}/neighbours")
async def read_neighbours(services: Services, part: PartDependency) -> AdjacentParts:
    """Return the parts of the same line that were decided just before and just after this one."""
    return await services.catalogue.neighbours(part.report.verdict.line, part.number)


def part_address(result_id: str) -> str:
    """Return the address of one part's report; its picture and thumbnail are below it."""
    return f"{PREFIX}/parts/{quote(result_id, safe='')}"
