"""New parts, events and states as server-sent events."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from inspector.adapters.console.api.person import Viewer, shows_own_lines
from inspector.adapters.console.api.problems import Problem, ProblemType, problem_responses
from inspector.adapters.console.live_feed import FeedPosition
from inspector.adapters.console.services import Services
from inspector.domain.person import Role

MAX_STREAMS: Final = 200  # open at a time
MEDIA_TYPE: Final = "text/event-stream"

router = APIRouter(prefix="/stream", tags=["stream"])


@router.get(
    "",
    response_class=StreamingResponse,
    responses=problem_responses(ProblemType.TOO_MANY_REQUESTS) | {200: {"content": {MEDIA_TYPE: {}}}},
)
@shows_own_lines
async def read_stream(
    services: Services,
    who: Viewer,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=64)] = None,
    since: Annotated[
        str | None, Query(max_length=64, description="as Last-Event-ID, of a stream that another tab held")
    ] = None,
) -> StreamingResponse:
    """Stream what is new on one's lines, from Last-Event-ID on, else from `since`.

    Events: `part` (as in the list of parts), `event`, `line` (a changed state), `heartbeat` every second, `problem`
    while the ledger is away, and `reset` where more than 1,000 parts or events were missed: read the lists again.
    """
    if services.feed.listeners >= MAX_STREAMS:
        raise Problem(ProblemType.TOO_MANY_REQUESTS, f"{MAX_STREAMS} streams are open; close one")
    position = FeedPosition.parse(last_event_id or since or "")
    return StreamingResponse(
        services.feed.listen(position, who.lines_as(Role.VIEWER)),
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
