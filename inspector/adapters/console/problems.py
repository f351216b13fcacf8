"""Errors of the REST API as problem details (RFC 9457): the fault, its field and the remedy."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from inspector.errors import LedgerError, ModelError
from inspector.secret_texts import document_without_secrets

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 2


class FieldFault(BaseModel):
    field: str
    problem: str
    remedy: str


class ProblemDetails(BaseModel):
    title: str
    status: int
    detail: str
    errors: list[FieldFault] = Field(default_factory=list)


RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": ProblemDetails, "description": description, "content": {MEDIA_TYPE: {}}}
    for status, description in (
        (404, "There is no such part or picture."),
        (422, "A parameter is not accepted; `errors` names the field and the remedy."),
        (503, "The database can't be read or written, or, for the health, the model's server is away; try again."),
    )
}


def add_problem_handlers(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(LedgerError, _on_ledger_error)
    app.add_exception_handler(ModelError, _on_model_error)
    app.add_exception_handler(HTTPException, _on_http_error)


def problem_response(problem: ProblemDetails, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return a problem as the answer to a request."""
    return JSONResponse(
        document_without_secrets(problem.model_dump()), problem.status, headers=headers, media_type=MEDIA_TYPE
    )


async def _on_validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [_fault(each) for each in error.errors()]
    detail = "; ".join(f"{fault.field}: {fault.problem}, {fault.remedy}" for fault in faults)
    return problem_response(ProblemDetails(title="Parameter not accepted", status=422, detail=detail, errors=faults))


def _fault(error: dict[str, Any]) -> FieldFault:
    field = str(error["loc"][-1])
    if error["type"] == "extra_forbidden":
        return FieldFault(field=field, problem="unknown parameter", remedy="remove it or correct its name")
    value, remedy = repr(error.get("input"))[:80], error["msg"]
    return FieldFault(field=field, problem=f"{value} is not accepted", remedy=remedy[:1].lower() + remedy[1:])


async def _on_ledger_error(_: Request, error: Exception) -> JSONResponse:
    problem = ProblemDetails(title="The ledger is away", status=503, detail=str(error))
    return problem_response(problem, {"Retry-After": str(RETRY_AFTER_S)})


async def _on_model_error(_: Request, error: Exception) -> JSONResponse:
    problem = ProblemDetails(title="The model's server is away", status=503, detail=str(error))
    return problem_response(problem, {"Retry-After": str(RETRY_AFTER_S)})


async def _on_http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    title = "Not found" if error.status_code == 404 else "Not served"
    problem = ProblemDetails(title=title, status=error.status_code, detail=error.detail)
    return problem_response(problem, dict(error.headers or {}))
