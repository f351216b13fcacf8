"""Alarms and notices, and who took note of them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, Field

from inspector.adapters.console.api.models import MAX_NUMBER, ApiRequest, Moment
from inspector.adapters.console.api.person import Reviewer, Viewer, require_on_line, shows_own_lines
from inspector.adapters.console.api.problems import WRITE_RESPONSES, Problem, ProblemType
from inspector.adapters.console.schemas import EventAnswer, EventList
from inspector.adapters.console.services import Services
from inspector.domain.declared import Name
from inspector.domain.person import Role
from inspector.ports.archive import Acknowledgement, EventFilter
from inspector.text import printable
from inspector.utc import utc_now

MAX_KIND_CHARACTERS = 64
Kind = Annotated[str, Field(max_length=MAX_KIND_CHARACTERS), AfterValidator(printable)]
EventId = Annotated[str, Path(max_length=128), AfterValidator(printable)]

router = APIRouter(prefix="/events", tags=["events"])


class EventsQuery(ApiRequest):
    """Selects events. An unknown parameter is refused."""

    line: Name | None = Field(default=None, description="only events of this line; service: those of no line")
    camera: Name | None = Field(default=None, description="only events of this camera")
    kind: Kind | None = Field(default=None, description="only this kind")
    severity: Literal["INFO", "WARNING", "ALARM"] | None = Field(default=None, description="only this severity")
    acknowledged: bool | None = Field(default=None, description="only events that somebody took note of, or nobody")
    since: Moment | None = Field(default=None, alias="from", description="only events at this time or later")
    until: Moment | None = Field(default=None, alias="to", description="only events before this time")
    before: int | None = Field(default=None, ge=1, le=MAX_NUMBER, description="only events with a smaller number")
    limit: int = Field(default=100, ge=1, le=1000)

    def wanted(self, lines: tuple[str, ...] | None) -> EventFilter:
        names = ("line", "camera", "kind", "severity", "acknowledged", "since", "until", "before")
        return EventFilter(**{name: getattr(self, name) for name in names}, lines=lines)


@router.get("")
@shows_own_lines
async def list_events(services: Services, query: Annotated[EventsQuery, Query()], who: Viewer) -> EventList:
    """List alarms and notices of one's lines, newest first. Read older ones with `before` = `next_before`."""
    return await services.catalogue.events(query.wanted(who.lines_as(Role.VIEWER)), query.limit)


@router.post("/{event_id}/acknowledgement", responses=WRITE_RESPONSES)
def acknowledge_event(services: Services, event_id: EventId, who: Reviewer) -> EventAnswer:
    """Take note of an event, with one's name and the time. The first acknowledgement stays."""
    found = services.catalogue.event(event_id)
    if found is None:
        raise Problem(ProblemType.NOT_FOUND, f"no event has the event_id {event_id}")
    require_on_line(who, Role.REVIEWER, found.event.line)
    given = services.acknowledgements.acknowledge_event(event_id, Acknowledgement(who.name, utc_now()))
    return EventAnswer.of(found._replace(acknowledgement=given))
