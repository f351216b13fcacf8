"""Totals of the last minutes."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query

from inspector.adapters.console.api.person import Viewer, shows_own_lines
from inspector.adapters.console.schemas import TotalsAnswer
from inspector.adapters.console.services import Services
from inspector.domain.declared import Name
from inspector.domain.person import Role

DAY_MINUTES: Final = 24 * 60

router = APIRouter(prefix="/totals", tags=["statistics"])


@router.get("")
@shows_own_lines
async def read_totals(
    services: Services,
    who: Viewer,
    minutes: Annotated[int, Query(ge=1, le=31 * DAY_MINUTES)] = 15,
    line: Annotated[Name | None, Query(description="only this line")] = None,
) -> TotalsAnswer:
    """Count the parts of the last minutes, of all one's lines."""
    return await services.catalogue.totals(minutes, (line,) if line else who.lines_as(Role.VIEWER))
