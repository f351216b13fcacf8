"""Totals of the last minutes."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query

from inspector.adapters.console.schemas import TotalsAnswer
from inspector.adapters.console.services import Services

DAY_MINUTES: Final = 24 * 60

router = APIRouter(prefix="/totals", tags=["statistics"])


@router.get("")
async def read_totals(
    services: Services, minutes: Annotated[int, Query(ge=1, le=31 * DAY_MINUTES)] = 15
) -> TotalsAnswer:
    """Count the parts of the last minutes."""
    return await services.catalogue.totals(minutes)
