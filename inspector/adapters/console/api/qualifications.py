"""Qualifications of a line: what its challenge set proved, and jobs that prove it anew."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from inspector.adapters.console.api.jobs import JobAnswer, accept
from inspector.adapters.console.api.models import ApiModel, ApiRequest, LineName
from inspector.adapters.console.api.person import Engineer
from inspector.adapters.console.api.problems import WRITE_RESPONSES
from inspector.adapters.console.services import Services
from inspector.domain.cameras import Region
from inspector.lines.states import MAX_REASON_CHARACTERS
from inspector.ports.challenge import QualificationBasis, StoredQualification
from inspector.ports.jobs import JobKind

router = APIRouter(prefix="/lines/{line}/qualifications", tags=["qualifications"])


class QualificationBody(ApiRequest):
    """Why the line is qualified. With `camera`, only what cameras of its region judge."""

    reason: Annotated[str, Field(max_length=MAX_REASON_CHARACTERS)] = ""
    camera: Annotated[str | None, Field(max_length=64)] = None


class QualificationAnswer(ApiModel):
    """A recorded qualification. `missing` says what keeps its cameras from the right to pass; `figures` hold bounds.

    `cameras` share `region`; null is the whole picture. A line with several regions has one qualification for each.
    """

    number: int
    version: int
    fingerprint: str
    policy: str
    basis: QualificationBasis
    passed: bool
    figures: dict[str, Any]
    missing: tuple[str, ...]
    cameras: tuple[str, ...]
    region: Region | None
    author: str
    reason: str
    at: datetime

    @classmethod
    def of(cls, stored: StoredQualification) -> QualificationAnswer:
        return cls.model_validate(stored)


class QualificationList(ApiModel):
    """The newest qualifications of a line, the newest first, and its newest job."""

    qualifications: tuple[QualificationAnswer, ...]
    job: JobAnswer | None


@router.get("")
def list_qualifications(
    services: Services, line: LineName, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> QualificationList:
    """List the newest qualifications of a line, passed or refused."""
    services.lines.version(line)
    stored = services.changes.qualifications.store.qualifications(line, limit)
    job = services.changes.jobs.newest(JobKind.QUALIFICATION, line)
    return QualificationList(
        qualifications=tuple(QualificationAnswer.of(each) for each in stored), job=JobAnswer.of(job) if job else None
    )


@router.post("", status_code=202, responses=WRITE_RESPONSES)
def start_qualification(
    services: Services, line: LineName, body: QualificationBody, who: Engineer, response: Response
) -> JobAnswer:
    """Qualify the live version on the line's challenge set. Follow the job at Location.

    The replicas judge the parts whose stored votes do not suffice, one at a time and after live frames. A cancelled
    job keeps its answers: the next one continues there.
    """
    return accept(response, services.changes.qualification_jobs.start(line, who.name, body.reason, body.camera))
