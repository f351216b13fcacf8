"""Alarms and notices."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from inspector.adapters.console.api.models import MAX_NUMBER
from inspector.adapters.console.schemas import EventList
from inspector.adapters.console.services import Services

router = APIRouter(prefix="/events", tags=["events"])


@router.get("")
async def list_events(
    services: Services,
    before: Annotated[int | None, Query(ge=1, le=MAX_NUMBER, description="only events with a smaller number")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> EventList:
    """List alarms and notices, newest first. Read older ones with `before` = `next_before`."""
    return await services.catalogue.events(before, limit)
