"""Cameras that ever sent something."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from inspector.adapters.console.schemas import CameraList
from inspector.adapters.console.services import Services
from inspector.ports.archive import CameraPosition

router = APIRouter(prefix="/cameras", tags=["cameras"])


@router.get("")
async def list_cameras(
    services: Services,
    after: Annotated[
        str | None, Query(pattern=r"^[^/]+/[^/]+$", max_length=129, description="only cameras behind this LINE/CAMERA")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> CameraList:
    """List the cameras that ever sent a frame or status, by line. Read on with `after` = `next_after`."""
    return await services.catalogue.cameras(CameraPosition(*after.split("/")) if after else None, limit)
