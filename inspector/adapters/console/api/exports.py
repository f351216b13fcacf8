"""Exports: parts with their reviews as CSV or JSON lines, and reviewed parts as a COCO data set."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from inspector.adapters.console.api.models import ApiRequest
from inspector.adapters.console.api.person import Viewer, require_on_line
from inspector.adapters.console.services import Services
from inspector.domain.declared import Disposition, Name
from inspector.domain.person import Role
from inspector.ports.archive import PartFilter

router = APIRouter(prefix="/exports", tags=["exports"])

FIRST_CHUNKS: Final = 2  # a header, and the first rows


class ExportQuery(ApiRequest):
    """Selects the parts of an export."""

    line: Name | None = Field(default=None, description="only this product line")
    disposition: Disposition | None = Field(default=None, description="only parts with this disposition")
    limit: int | None = Field(default=None, ge=1, le=10_000_000, description="at most this many, the newest")

    def wanted(self) -> PartFilter:
        return PartFilter(self.line, None, self.disposition)


class DataSetQuery(ApiRequest):
    """Selects the parts of a data set."""

    line: Name = Field(description="the product line")
    limit: int | None = Field(default=None, ge=1, le=10_000_000, description="at most this many, the newest")


@router.get("/parts.csv", response_class=Response)
def export_csv(services: Services, query: Annotated[ExportQuery, Query()]) -> StreamingResponse:
    """Return parts with verdict and truth, newest first. An apostrophe precedes text that could be a formula."""
    return _download(services.exports.csv(query.wanted(), query.limit), "text/csv; charset=utf-8", "parts.csv")


@router.get("/parts.jsonl", response_class=Response)
def export_json_lines(services: Services, query: Annotated[ExportQuery, Query()]) -> StreamingResponse:
    """Return parts with report, truth and all reviews, one JSON object a line, newest first."""
    return _download(services.exports.json_lines(query.wanted(), query.limit), "application/jsonl", "parts.jsonl")


@router.get("/coco.zip", response_class=Response)
def export_coco(services: Services, query: Annotated[DataSetQuery, Query()], who: Viewer) -> StreamingResponse:
    """Return the parts whose truth is OK or NG as a COCO data set: pictures, boxes and labels of whole pictures."""
    require_on_line(who, Role.VIEWER, query.line)
    return _download(services.exports.coco(query.line, query.limit), "application/zip", f"{query.line}-coco.zip")


def _download(chunks: Iterator[str] | Iterator[bytes], media_type: str, name: str) -> StreamingResponse:
    """Answer with a file. Its first parts are read before: a ledger that is away is an error, not an empty file."""
    first: list[str | bytes] = list(islice(chunks, FIRST_CHUNKS))
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(chain(first, chunks), media_type=media_type, headers=headers)
