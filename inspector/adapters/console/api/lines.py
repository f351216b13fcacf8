"""Lines: their live versions and their states."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from inspector.adapters.console.api.etags import IfMatch, etag, require_match
from inspector.adapters.console.api.models import ApiRequest, LineName
from inspector.adapters.console.api.person import Anybody, Engineer, shows_own_lines
from inspector.adapters.console.api.problems import WRITE_RESPONSES, Problem, ProblemType
from inspector.adapters.console.schemas import LineAnswer, LineStatusAnswer
from inspector.adapters.console.services import Services
from inspector.domain.line_state import LineState
from inspector.domain.person import Role
from inspector.errors import StaleError
from inspector.lines.states import MAX_OVERRIDE_DAYS, MAX_REASON_CHARACTERS, LineView
from inspector.ports.lines import SeenLine

router = APIRouter(prefix="/lines", tags=["lines"])


class StateRequest(ApiRequest):
    """The state to give a line. `override_days` lets it pass parts for so long without a qualification."""

    state: Literal[LineState.COMMISSIONING, LineState.LIVE, LineState.PAUSED]
    reason: Annotated[str, Field(max_length=MAX_REASON_CHARACTERS)] = ""
    override_days: Annotated[float | None, Field(gt=0, le=MAX_OVERRIDE_DAYS)] = None


@router.get("")
@shows_own_lines
def list_lines(services: Services, who: Anybody) -> tuple[LineAnswer, ...]:
    """List one's lines by name, with the newest declaration and the state of each."""
    return tuple(LineAnswer.of(view) for view in services.lines.views() if who.may(Role.VIEWER, view.line))


@router.get("/{line}")
def read_line(services: Services, line: LineName, response: Response) -> LineAnswer:
    """Return one line."""
    view = services.lines.view(line)
    response.headers["ETag"] = state_tag(view)
    return LineAnswer.of(view)


@router.put("/{line}/state", responses=WRITE_RESPONSES)
def set_state(
    services: Services, line: LineName, asked: StateRequest, who: Engineer, response: Response, if_match: IfMatch = None
) -> LineStatusAnswer:
    """Commission, pause or set a line live. A pause needs no If-Match: it must work at once."""
    if asked.state is LineState.PAUSED:
        view = services.lines.pause(line, who.name, asked.reason)
    else:
        known = services.lines.view(line)
        require_match(if_match, state_tag(known))
        view = _changed(services, known, asked, who.name)
    response.headers["ETag"] = state_tag(view)
    return LineStatusAnswer.of(view)


def state_tag(view: LineView) -> str:
    """Return the entity tag of a line: of its version and state. It changes with each pause, of a paused line too."""
    status = view.version.status
    return etag(view.line, view.version.version, status.state, status.number)


def _changed(services: Services, known: LineView, asked: StateRequest, author: str) -> LineView:
    line, seen = known.line, SeenLine.of(known.version)
    try:
        if asked.state is LineState.COMMISSIONING:
            return services.lines.commission(line, author, asked.reason, seen)
        override = services.override_of(line, asked.override_days) if asked.override_days else None
        return services.lines.go_live(line, author, asked.reason, override, seen)
    except StaleError as error:
        tag = state_tag(services.lines.view(line))
        raise Problem(ProblemType.STALE, str(error), headers={"ETag": tag}) from error
