"""The REST API over parts, pictures, totals, cameras, events and pipelines. It only reads, and keeps no state.

Any number of copies may run. Its description is generated: `/api/v1/openapi.json`.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Route

from inspector import __doc__ as description
from inspector.adapters.console.pictures import DOWNLOAD_TYPE, SVG_TYPE, PictureBody, placeholder
from inspector.adapters.console.problems import RESPONSES, add_problem_handlers
from inspector.adapters.console.queries import Catalogue
from inspector.adapters.console.request_checks import UnservedRequests
from inspector.adapters.console.schemas import (
    CameraList,
    EventList,
    Health,
    PartList,
    PartReport,
    PipelineAnswer,
    TotalsAnswer,
)
from inspector.domain.decision import Reason
from inspector.domain.declared import Disposition, Name
from inspector.ports.archive import Archive, CameraPosition, PartFilter
from inspector.ports.evidence import EvidenceStore
from inspector.ports.metrics import MetricsPage

PREFIX: Final = "/api/v1"
DAY_MINUTES: Final = 24 * 60
MAX_NUMBER: Final = 2**63 - 1  # of a part or event: databases count with 64 bits
PICTURE_SECURITY_HEADERS: Final = {  # no scripts, no type sniffing, no further requests
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PICTURE_CACHE_HEADERS: Final = {"Cache-Control": "private, max-age=31536000, immutable"}


class PartsQuery(BaseModel):
    """Selects parts. An unknown parameter is refused: a misspelt filter would silently list everything."""

    model_config = ConfigDict(extra="forbid")

    line: Name | None = Field(default=None, description="only this product line")
    camera: Name | None = Field(default=None, description="only this camera")
    disposition: Disposition | None = Field(default=None, description="only parts with this disposition")
    reason: Reason | None = Field(default=None, description="only parts with this reason")
    before: int | None = Field(default=None, ge=1, le=MAX_NUMBER, description="only parts with a smaller number")
    after: int | None = Field(
        default=None, ge=0, le=MAX_NUMBER, description="only parts with a larger number, the nearest ones"
    )
    limit: int = Field(default=50, ge=1, le=200)

    def wanted(self) -> PartFilter:
        return PartFilter(self.line, self.camera, self.disposition, self.reason, self.before, self.after)


def _catalogue(request: Request) -> Catalogue:
    catalogue: Catalogue = request.app.state.catalogue
    return catalogue


async def _part(result_id: Annotated[str, Path(max_length=128)], request: Request) -> PartReport:
    part = await _catalogue(request).part(result_id)
    if part is None:
        raise HTTPException(404, f"No part has the result_id {result_id}")
    return part


CatalogueDependency = Annotated[Catalogue, Depends(_catalogue)]
PartDependency = Annotated[PartReport, Depends(_part)]
router = APIRouter(prefix=PREFIX, responses=RESPONSES)


@router.get("/parts", tags=["parts"])
async def list_parts(catalogue: CatalogueDependency, query: Annotated[PartsQuery, Query()]) -> PartList:
    """List decided parts, newest first. Read older ones with `before` = `next_before`, newer ones with `after`."""
    return await catalogue.parts(query.wanted(), query.limit)


@router.get("/parts/{result_id}", tags=["parts"])
async def read_part(part: PartDependency) -> PartReport:
    """Return the whole report of one part: verdict, every vote, the model's words, the picture's hash."""
    return part


@router.get("/parts/{result_id}/picture", tags=["parts"], response_class=Response)
async def read_picture(catalogue: CatalogueDependency, part: PartDependency) -> Response:
    """Return the stored picture, byte for byte. Bytes of an unknown type are offered as a download only."""
    if part.picture is None:
        raise HTTPException(404, "No picture was stored with this part")
    body = await catalogue.picture(part.picture.sha256)
    if body is None:
        raise HTTPException(404, f"The evidence store has no picture {part.picture.sha256}")
    return _picture(body)


@router.get("/parts/{result_id}/thumbnail", tags=["parts"], response_class=Response)
async def read_thumbnail(
    catalogue: CatalogueDependency, part: PartDependency, side: Annotated[int, Query(ge=16, le=2048)] = 160
) -> Response:
    """Return the picture as JPEG within side x side pixels; a drawing if it is missing or can't be read."""
    if part.picture is None:
        return _picture(placeholder("missing"))
    return _picture(await catalogue.thumbnail(part.picture.sha256, side))


@router.get("/totals", tags=["line"])
async def read_totals(
    catalogue: CatalogueDependency, minutes: Annotated[int, Query(ge=1, le=31 * DAY_MINUTES)] = 15
) -> TotalsAnswer:
    """Count the parts of the last minutes."""
    return await catalogue.totals(minutes)


@router.get("/cameras", tags=["line"])
async def list_cameras(
    catalogue: CatalogueDependency,
    after: Annotated[
        str | None, Query(pattern=r"^[^/]+/[^/]+$", max_length=129, description="only cameras behind this LINE/CAMERA")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> CameraList:
    """List the cameras that ever sent a frame or status, by line. Read on with `after` = `next_after`."""
    return await catalogue.cameras(CameraPosition(*after.split("/")) if after else None, limit)


@router.get("/events", tags=["line"])
async def list_events(
    catalogue: CatalogueDependency,
    before: Annotated[int | None, Query(ge=1, le=MAX_NUMBER, description="only events with a smaller number")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> EventList:
    """List alarms and notices, newest first. Read older ones with `before` = `next_before`."""
    return await catalogue.events(before, limit)


@router.get("/pipelines", tags=["line"])
async def list_pipelines(catalogue: CatalogueDependency) -> tuple[PipelineAnswer, ...]:
    """List the newest declaration of every product line."""
    return await catalogue.pipelines()


@router.get("/health", tags=["service"])
async def read_health(catalogue: CatalogueDependency) -> Health:
    """Return 200 while the database can be read, every station can store parts, and the model's server answers."""
    return await catalogue.health()


def rest_api(archive: Archive, evidence: EvidenceStore) -> FastAPI:
    """Build the API as an ASGI application of its own."""
    return catalogue_api(Catalogue(archive, evidence))


def catalogue_api(catalogue: Catalogue, metrics: MetricsPage | None = None) -> FastAPI:
    """Build the API over a shared catalogue, with /metrics if there is such a page.

    FastAPI's own documentation pages load from the internet, so they are off.
    """
    app = FastAPI(
        title="inspector",
        version="1",
        description=description or "",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.catalogue = catalogue
    add_problem_handlers(app)
    app.include_router(router)
    app.router.routes.append(Route(f"{PREFIX}/{{path:path}}", UnservedRequests([*app.routes, *router.routes], PREFIX)))
    if metrics:
        _serve_metrics(app, metrics)
    return app


def _serve_metrics(app: FastAPI, metrics: MetricsPage) -> None:
    """Serve metrics at Prometheus's default path, outside the API."""

    @app.get("/metrics", include_in_schema=False)
    async def read_metrics() -> Response:
        return Response(await asyncio.to_thread(metrics.render), media_type=metrics.media_type)


def part_address(result_id: str) -> str:
    """Return the address of one part's report; its picture and thumbnail are below it."""
    return f"{PREFIX}/parts/{quote(result_id, safe='')}"


def _picture(body: PictureBody) -> Response:
    cache = {} if body.media_type == SVG_TYPE else PICTURE_CACHE_HEADERS
    download = {"Content-Disposition": 'attachment; filename="picture.bin"'} if body.media_type == DOWNLOAD_TYPE else {}
    return Response(body.data, media_type=body.media_type, headers=PICTURE_SECURITY_HEADERS | cache | download)
