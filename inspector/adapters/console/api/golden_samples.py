"""Golden samples of a line: the pictures that the model is shown next to each part."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Response

from inspector.adapters.console.api.models import LineName
from inspector.adapters.console.api.picture_responses import picture_response
from inspector.adapters.console.api.problems import Problem, ProblemType
from inspector.adapters.console.services import Services
from inspector.messages.incoming import Sha256

DEFAULT_SIDE_PX: Final = 1024

router = APIRouter(prefix="/lines", tags=["lines"])


@router.get("/{line}/golden-samples/{sha256}/picture", response_class=Response)
async def read_golden_sample(
    services: Services,
    line: LineName,
    sha256: Annotated[Sha256, Path(description="as the line's live version lists it")],
    side: Annotated[int, Query(ge=16, le=2048)] = DEFAULT_SIDE_PX,
) -> Response:
    """Return a golden sample of the live version as JPEG within side x side pixels."""
    view = await asyncio.to_thread(services.lines.view, line)
    if sha256 not in view.version.golden:
        raise Problem(ProblemType.NOT_FOUND, f"the live version of line {line} has no golden sample {sha256}")
    return picture_response(await services.catalogue.thumbnail(sha256, side))
