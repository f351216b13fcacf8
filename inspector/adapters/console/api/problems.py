"""Errors of the REST API as problem details (RFC 9457): the fault, its field and the remedy.

`type` is stable: programs tell problems apart by it. `title` and `detail` are for people and may change.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from inspector.config.diff import VersionDiff
from inspector.errors import (
    ConflictError,
    DeclarationError,
    InspectorError,
    LedgerError,
    ModelError,
    NotFoundError,
    PictureError,
    PoolError,
    PoolOverload,
    StaleError,
)
from inspector.secret_texts import document_without_secrets

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:inspector:problem:"
RETRY_AFTER_S: Final = 2
MAX_SHOWN_CHARACTERS: Final = 80  # of a value that is refused


class ProblemType(StrEnum):
    """The kinds of problems; the last part of `type`."""

    BAD_PARAMETER = "bad-parameter"
    BAD_DECLARATION = "bad-declaration"
    BAD_PICTURE = "bad-picture"
    REFUSED = "refused"
    LOGIN_REQUIRED = "login-required"
    LOGIN_REFUSED = "login-refused"
    FOREIGN_PAGE = "foreign-page"
    ROLE_REQUIRED = "role-required"
    NOT_FOUND = "not-found"
    PICTURE_REMOVED = "picture-removed"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    CONFLICT = "conflict"
    STALE = "stale"
    CONDITION_REQUIRED = "condition-required"
    TOO_LARGE = "too-large"
    TOO_MANY_REQUESTS = "too-many-requests"
    WRONG_HOST = "wrong-host"
    LEDGER_AWAY = "ledger-away"
    MODEL_AWAY = "model-away"
    FAILED = "failed"


PROBLEMS: Final[dict[ProblemType, tuple[int, str]]] = {
    ProblemType.BAD_PARAMETER: (422, "Parameter not accepted"),
    ProblemType.BAD_DECLARATION: (422, "Declaration not accepted"),
    ProblemType.BAD_PICTURE: (422, "Picture not accepted"),
    ProblemType.REFUSED: (422, "Not done"),
    ProblemType.LOGIN_REQUIRED: (401, "Log in first"),
    ProblemType.LOGIN_REFUSED: (401, "Not logged in"),
    ProblemType.ROLE_REQUIRED: (403, "Not allowed"),
    ProblemType.FOREIGN_PAGE: (403, "Not asked by this console's pages"),
    ProblemType.NOT_FOUND: (404, "Not found"),
    ProblemType.PICTURE_REMOVED: (410, "The picture's retention has ended"),
    ProblemType.METHOD_NOT_ALLOWED: (405, "Method not served"),
    ProblemType.CONFLICT: (409, "Changed meanwhile"),
    ProblemType.STALE: (412, "Changed meanwhile"),
    ProblemType.CONDITION_REQUIRED: (428, "If-Match is missing"),
    ProblemType.TOO_LARGE: (413, "Too large"),
    ProblemType.TOO_MANY_REQUESTS: (429, "Too many requests"),
    ProblemType.WRONG_HOST: (421, "Host not allowed"),
    ProblemType.LEDGER_AWAY: (503, "The ledger is away"),
    ProblemType.MODEL_AWAY: (503, "The model is away"),
    ProblemType.FAILED: (500, "The service failed"),
}
TYPE_OF_STATUS: Final = {status: kind for kind, (status, _) in reversed(PROBLEMS.items())}
# the first class that an error belongs to decides
TYPE_OF_ERROR: Final[dict[type[InspectorError], ProblemType]] = {
    NotFoundError: ProblemType.NOT_FOUND,
    StaleError: ProblemType.STALE,
    ConflictError: ProblemType.CONFLICT,
    DeclarationError: ProblemType.BAD_DECLARATION,
    PictureError: ProblemType.BAD_PICTURE,
    LedgerError: ProblemType.LEDGER_AWAY,
    ModelError: ProblemType.MODEL_AWAY,
    PoolOverload: ProblemType.TOO_MANY_REQUESTS,
    PoolError: ProblemType.MODEL_AWAY,
    InspectorError: ProblemType.REFUSED,
}


class FieldFault(BaseModel):
    """One fault: where it is, what is wrong, and what to do."""

    field: str
    problem: str
    remedy: str


class ChangedSetting(BaseModel):
    """One setting that differs; null where it was or becomes absent. `rescores`: scores change with it."""

    field: str
    old: Any
    new: Any
    rescores: bool


class VersionDifference(BaseModel):
    """How one version of a line differs from another. `new_golden`: the golden samples show other pictures."""

    base: int
    other: int
    settings: list[ChangedSetting]
    new_golden: bool
    rescores: bool

    @classmethod
    def of(cls, base: int, other: int, diff: VersionDiff) -> VersionDifference:
        return cls(base=base, other=other, **diff.as_json())


class ProblemDetails(BaseModel):
    """The body of every error. `difference` is there where somebody else changed a line: from your base to now."""

    type: str = Field(description="stable: tells problems apart", examples=[f"{TYPE_PREFIX}not-found"])
    title: str
    status: int
    detail: str
    errors: list[FieldFault] = Field(default_factory=list)
    difference: VersionDifference | None = None


class Problem(Exception):
    """A problem to answer with. `faults` name the fields it concerns."""

    def __init__(
        self,
        kind: ProblemType,
        detail: str,
        faults: Sequence[FieldFault] = (),
        headers: dict[str, str] | None = None,
        difference: VersionDifference | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.details = problem_details(kind, detail, faults).model_copy(update={"difference": difference})
        self.headers = headers or {}

    @classmethod
    def of_field(cls, kind: ProblemType, field: str, problem: str, remedy: str) -> Problem:
        """Build the problem of a single field."""
        return cls(kind, f"{field}: {problem}; {remedy}", [FieldFault(field=field, problem=problem, remedy=remedy)])


def problem_details(kind: ProblemType, detail: str, faults: Sequence[FieldFault] = ()) -> ProblemDetails:
    """Build the body of a problem."""
    status, title = PROBLEMS[kind]
    return ProblemDetails(type=TYPE_PREFIX + kind, title=title, status=status, detail=detail, errors=list(faults))


def problem_responses(*kinds: ProblemType) -> dict[int | str, dict[str, Any]]:
    """Describe these problems in the OpenAPI document."""
    titles: dict[int, list[str]] = {}
    for kind in kinds:
        status, title = PROBLEMS[kind]
        titles.setdefault(status, []).append(title)
    return {
        status: {"model": ProblemDetails, "description": " / ".join(dict.fromkeys(each)), "content": {MEDIA_TYPE: {}}}
        for status, each in titles.items()
    }


READ_RESPONSES: Final = problem_responses(
    ProblemType.BAD_PARAMETER,
    ProblemType.NOT_FOUND,
    ProblemType.LEDGER_AWAY,
    ProblemType.LOGIN_REQUIRED,
    ProblemType.ROLE_REQUIRED,
    ProblemType.FOREIGN_PAGE,
)
WRITE_RESPONSES: Final = READ_RESPONSES | problem_responses(
    ProblemType.BAD_DECLARATION,
    ProblemType.REFUSED,
    ProblemType.CONFLICT,
    ProblemType.STALE,
    ProblemType.CONDITION_REQUIRED,
    ProblemType.TOO_LARGE,
)


def add_problem_handlers(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""
    handlers: dict[type[Exception], Callable[[Request, Any], Awaitable[JSONResponse]]] = {
        RequestValidationError: _on_validation_error,
        Problem: _on_problem,
        InspectorError: _on_inspector_error,
        HTTPException: _on_http_error,
    }
    for error, handler in handlers.items():
        app.add_exception_handler(error, handler)


def problem_response(details: ProblemDetails, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return a problem as the answer to a request."""
    return JSONResponse(
        document_without_secrets(_body(details)), details.status, headers=headers, media_type=MEDIA_TYPE
    )


def _body(details: ProblemDetails) -> dict[str, Any]:
    """Leave out what concerns other problems only."""
    return details.model_dump(mode="json", exclude=None if details.difference else {"difference"})


async def _on_problem(_: Request, problem: Problem) -> JSONResponse:
    return problem_response(problem.details, problem.headers)


async def _on_validation_error(_: Request, error: RequestValidationError) -> JSONResponse:
    faults = [_fault(each) for each in error.errors()]
    detail = "; ".join(f"{fault.field}: {fault.problem}, {fault.remedy}" for fault in faults)
    return problem_response(problem_details(ProblemType.BAD_PARAMETER, detail, faults))


def _fault(error: dict[str, Any]) -> FieldFault:
    field = ".".join(str(each) for each in error["loc"][1:]) or str(error["loc"][-1])
    if error["type"] == "extra_forbidden":
        return FieldFault(field=field, problem="unknown parameter", remedy="remove it or correct its name")
    value, remedy = repr(error.get("input"))[:MAX_SHOWN_CHARACTERS], error["msg"]
    return FieldFault(field=field, problem=f"{value} is not accepted", remedy=remedy[:1].lower() + remedy[1:])


async def _on_inspector_error(_: Request, error: InspectorError) -> JSONResponse:
    return error_response(error)


def error_response(error: InspectorError) -> JSONResponse:
    """Return an error of the application as the answer to a request."""
    kind = next(kind for known, kind in TYPE_OF_ERROR.items() if isinstance(error, known))
    faults = error.faults if isinstance(error, DeclarationError) else ()
    shown = [FieldFault(field=each.field, problem=each.problem, remedy=each.remedy) for each in faults]
    details = problem_details(kind, str(error), shown)
    return problem_response(details, {"Retry-After": str(RETRY_AFTER_S)} if details.status == 503 else None)


async def _on_http_error(_: Request, error: HTTPException) -> JSONResponse:
    kind = TYPE_OF_STATUS.get(error.status_code, ProblemType.BAD_PARAMETER)
    details = problem_details(kind, error.detail).model_copy(update={"status": error.status_code})
    return problem_response(details, dict(error.headers or {}))
