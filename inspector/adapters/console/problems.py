"""Errors of the REST API as problem details (RFC 9457): what is wrong, in which field, and what to do about it."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from inspector.errors import LedgerError

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 2


class FieldFault(BaseModel):
    field: str
    problem: str
    remedy: str


class Problem(BaseModel):
    title: str
    status: int
    detail: str
    errors: list[FieldFault] = Field(default_factory=list)


RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem, "description": description, "content": {MEDIA_TYPE: {}}}
    for status, description in (
        (404, "There is no such part or picture."),
        (422, "A parameter is not accepted; `errors` names the field and the remedy."),
        (503, "The database can't be read; try again."),
    )
}


def answer_problems(app: FastAPI) -> None:
    """Makes every error of `app` a problem document."""
    app.add_exception_handler(RequestValidationError, _refused)
    app.add_exception_handler(LedgerError, _database_away)
    app.add_exception_handler(HTTPException, _not_served)


def _answer(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(problem.model_dump(), problem.status, headers=headers, media_type=MEDIA_TYPE)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [_fault(each) for each in error.errors()]
    detail = "; ".join(f"{fault.field}: {fault.problem}, {fault.remedy}" for fault in faults)
    return _answer(Problem(title="Parameter not accepted", status=422, detail=detail, errors=faults))


def _fault(error: dict[str, Any]) -> FieldFault:
    field = str(error["loc"][-1])
    if error["type"] == "extra_forbidden":
        return FieldFault(field=field, problem="unknown parameter", remedy="remove it or correct its name")
    value, remedy = repr(error.get("input"))[:80], error["msg"]
    return FieldFault(field=field, problem=f"{value} is not accepted", remedy=remedy[:1].lower() + remedy[1:])


async def _database_away(_: Request, error: Exception) -> JSONResponse:
    problem = Problem(title="The database can't be read", status=503, detail=str(error))
    return _answer(problem, {"Retry-After": str(RETRY_AFTER_S)})


async def _not_served(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    title = "Not found" if error.status_code == 404 else "Not served"
    return _answer(Problem(title=title, status=error.status_code, detail=error.detail))
