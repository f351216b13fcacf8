"""The versions of a line: who changed what, when and why, their differences, and the rollback to an earlier one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from inspector.adapters.console.api.etags import IfMatch, etag, require_match
from inspector.adapters.console.api.line_conflicts import refused_escapes, stale_line
from inspector.adapters.console.api.models import MAX_VERSION, ApiModel, ApiRequest, LineName
from inspector.adapters.console.api.person import Engineer
from inspector.adapters.console.api.problems import WRITE_RESPONSES, VersionDifference
from inspector.adapters.console.services import Services
from inspector.domain.line_version import VersionOrigin
from inspector.domain.pipeline import Pipeline
from inspector.lines.rollback import RollbackRequest
from inspector.lines.states import MAX_REASON_CHARACTERS
from inspector.ports.lines import LineVersion

router = APIRouter(prefix="/lines/{line}", tags=["versions"])

VersionNumber = Annotated[int, Path(ge=1, le=MAX_VERSION)]


class VersionSummary(ApiModel):
    """One version of a line: who made it of which one, when and why. `is_readable`: this program knows its grammar."""

    version: int
    parent: int | None
    author: str
    reason: str
    origin: VersionOrigin
    created_at: datetime
    is_readable: bool

    @classmethod
    def of(cls, version: LineVersion) -> VersionSummary:
        names = ("version", "parent", "author", "reason", "origin", "created_at")
        given = {name: getattr(version, name) for name in names}
        return cls(is_readable=version.declaration is not None, **given)


class VersionList(ApiModel):
    """Versions, newest first. `next_before` is the `before` of the next, older page; null on the last page."""

    versions: tuple[VersionSummary, ...]
    next_before: int | None


class VersionAnswer(ApiModel):
    """A whole version. `declaration` is null where it was stored under another grammar; `source` is its file."""

    summary: VersionSummary
    declaration: Pipeline | None
    golden: tuple[str, ...] = Field(description="sha256 of the golden samples' pictures, in declared order")
    source: str

    @classmethod
    def of(cls, version: LineVersion) -> VersionAnswer:
        return cls(
            summary=VersionSummary.of(version),
            declaration=version.declaration,
            golden=version.golden,
            source=version.source,
        )


class RollbackBody(ApiRequest):
    """The version whose content becomes live again. `accepted_escapes`: how many known NG parts may then pass."""

    to: int = Field(ge=1, le=MAX_VERSION)
    reason: str = Field(max_length=MAX_REASON_CHARACTERS)
    accepted_escapes: int | None = Field(default=None, ge=0)


class RollbackAnswer(ApiModel):
    """The new live version."""

    line: str
    version: int


@router.get("/versions")
def list_versions(
    services: Services,
    line: LineName,
    response: Response,
    before: Annotated[
        int | None, Query(ge=1, le=MAX_VERSION, description="only versions with a smaller number")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> VersionList:
    """List the versions of a line, newest first. The ETag is that of its live version, for a rollback."""
    history = services.changes.versions.history(line)
    response.headers["ETag"] = live_tag(line, history[-1].version)
    older = [each for each in reversed(history) if before is None or each.version < before]
    page = tuple(VersionSummary.of(each) for each in older[:limit])
    return VersionList(versions=page, next_before=page[-1].version if len(older) > limit else None)


@router.get("/versions/{version}")
def read_version(services: Services, line: LineName, version: VersionNumber) -> VersionAnswer:
    """Return one version with its declaration and the text of its file."""
    return VersionAnswer.of(services.changes.versions.version(line, version))


@router.get("/versions/{version}/diff/{other}")
def read_difference(
    services: Services, line: LineName, version: VersionNumber, other: VersionNumber
) -> VersionDifference:
    """Say how the `other` version differs from this one, setting by setting."""
    return VersionDifference.of(version, other, services.changes.versions.diff(line, version, other))


@router.post("/rollback", responses=WRITE_RESPONSES)
def roll_back(
    services: Services, line: LineName, asked: RollbackBody, who: Engineer, response: Response, if_match: IfMatch = None
) -> RollbackAnswer:
    """Make the content of an earlier version live again, as a new version. Running stations load it within 2 s.

    If-Match is the ETag of the list of versions. Parts that people called NG and that would then pass block it, unless
    `accepted_escapes` is their number.
    """
    live = services.changes.versions.history(line)[-1].version
    with stale_line(services, line, known_version(line, live, if_match)):
        require_match(if_match, live_tag(line, live))
        with refused_escapes():
            request = RollbackRequest(line, asked.to, who.name, asked.reason, asked.accepted_escapes, live)
            version = services.changes.rollbacks.roll_back(request).version
    response.headers["ETag"] = live_tag(line, version)
    return RollbackAnswer(line=line, version=version)


def known_version(line: str, live: int, if_match: str | None) -> int:
    """Return the version whose tag the request names; the live one where it names none."""
    tags = {each.strip() for each in (if_match or "").split(",")}
    return next((each for each in range(live, 0, -1) if live_tag(line, each) in tags), live)


def live_tag(line: str, version: int) -> str:
    """Return the entity tag of a line's live version."""
    return etag(line, version)
