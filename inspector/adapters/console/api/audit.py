"""The audit: what people and programs changed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from inspector.adapters.console.api.models import MAX_NUMBER, ApiModel, ApiRequest
from inspector.adapters.console.api.person import Engineer, shows_own_lines
from inspector.adapters.console.services import Services
from inspector.domain.declared import Name
from inspector.domain.person import Person, Role
from inspector.ports.access import AuditFilter, AuditRecord

MAX_FILTER_CHARACTERS = 256

router = APIRouter(prefix="/audit", tags=["people"])
Wanted = Annotated[str | None, Field(max_length=MAX_FILTER_CHARACTERS)]


class AuditQuery(ApiRequest):
    line: Name | None = Field(default=None, description="only what concerns this line")
    actor: Wanted = Field(default=None, description="only what this person or program did")
    action: Wanted = Field(default=None, description="only this action, such as line.state")
    subject: Wanted = Field(default=None, description="only this thing: a part, a user, a version")
    before: int | None = Field(default=None, ge=1, le=MAX_NUMBER, description="only entries with a smaller number")
    limit: int = Field(default=50, ge=1, le=500)

    def wanted(self, who: Person) -> AuditFilter:
        """Return the filter, limited to the lines that this person changes."""
        return AuditFilter(self.line, self.actor, self.action, self.subject, self.before, who.lines_as(Role.ENGINEER))


class AuditEntryAnswer(ApiModel):
    number: int
    at: AwareDatetime
    actor: str
    action: str
    subject: str
    line: str | None
    detail: dict[str, Any] = Field(description="what changed")

    @classmethod
    def of(cls, record: AuditRecord) -> AuditEntryAnswer:
        return cls(number=record.number, **record.entry._asdict())


class AuditList(ApiModel):
    entries: tuple[AuditEntryAnswer, ...]
    next_before: int | None


@router.get("")
@shows_own_lines
def list_audit(services: Services, query: Annotated[AuditQuery, Query()], who: Engineer) -> AuditList:
    """List what people and programs changed, newest first. Read older ones with `before` = `next_before`.

    Engineers of single lines see what concerns these.
    """
    records = services.access.audit.entries(query.wanted(who), query.limit)
    return AuditList(
        entries=tuple(AuditEntryAnswer.of(record) for record in records),
        next_before=records[-1].number if len(records) == query.limit else None,
    )
