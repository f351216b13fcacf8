"""Changes of lines that are refused: somebody else changed the line meanwhile, or known NG parts would pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from inspector.adapters.console.api.problems import FieldFault, Problem, ProblemType, VersionDifference
from inspector.adapters.console.services import ConsoleServices
from inspector.errors import ConflictError, InspectorError
from inspector.lines.pricing import EscapesError


@contextmanager
def stale_line(services: ConsoleServices, line: str, base: int) -> Iterator[None]:
    """Add to a refusal what changed in the line since its version `base`: 412 where the state is another one."""
    try:
        yield
    except Problem as problem:
        if problem.kind is not ProblemType.STALE:
            raise
        raise Problem(problem.kind, str(problem), (), problem.headers, difference_since(services, line, base)) from None
    except ConflictError as error:
        raise Problem(ProblemType.STALE, str(error), difference=difference_since(services, line, base)) from error


def difference_since(services: ConsoleServices, line: str, base: int) -> VersionDifference | None:
    """Return the difference of the live version from an earlier one; None where one of them can't be read."""
    try:
        live = services.changes.versions.history(line)[-1].version
        return VersionDifference.of(base, live, services.changes.versions.diff(line, base, live))
    except InspectorError:
        return None


@contextmanager
def refused_escapes() -> Iterator[None]:
    """Name the field of the request by which a person accepts NG parts that would pass."""
    try:
        yield
    except EscapesError as error:
        raise Problem(ProblemType.REFUSED, str(error).splitlines()[0], [_fault(error)]) from error


def _fault(error: EscapesError) -> FieldFault:
    if error.lacks_reason:
        problem, remedy = "accepting NG parts that would pass needs one", "say why they may pass"
        return FieldFault(field="reason", problem=problem, remedy=remedy)
    problem = f"{error.escapes} part(s) that people called NG would newly pass"
    remedy = f"look at them in the price, choose narrower limits, or send {error.escapes} with a reason"
    return FieldFault(field="accepted_escapes", problem=problem, remedy=remedy)
