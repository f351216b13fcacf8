"""Long work: who started it, how far it is, how it ended, and its cancellation."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from inspector.adapters.console.api.models import MAX_NUMBER, PREFIX, ApiModel
from inspector.adapters.console.api.person import Engineer, Viewer, require_on_line, shows_own_lines
from inspector.adapters.console.api.problems import WRITE_RESPONSES
from inspector.adapters.console.services import Services
from inspector.domain.declared import Name
from inspector.domain.person import Role
from inspector.ports.jobs import JobKind, JobState, LineJob

router = APIRouter(prefix="/jobs", tags=["jobs"])

JobNumber = Annotated[int, Path(ge=1, le=MAX_NUMBER)]


class JobAnswer(ApiModel):
    """A job. `result` is there once it is DONE, `error` says why it FAILED. `subject`: a draft's id, or the line."""

    number: int
    kind: JobKind
    line: str
    subject: str
    author: str
    state: JobState
    done: int = Field(ge=0)
    total: int = Field(ge=0, description="0 until the job knows how many steps it has")
    result: dict[str, Any] | None
    error: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, job: LineJob) -> JobAnswer:
        return cls.model_validate(job)


class JobList(ApiModel):
    """Jobs, newest first. `next_before` is the `before` of the next, older page; null on the last page."""

    jobs: tuple[JobAnswer, ...]
    next_before: int | None


@router.get("")
@shows_own_lines
def list_jobs(
    services: Services,
    who: Viewer,
    line: Annotated[Name | None, Query(description="only jobs of this line")] = None,
    before: Annotated[int | None, Query(ge=1, le=MAX_NUMBER, description="only jobs with a smaller number")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> JobList:
    """List jobs of one's lines, newest first. They are kept for 30 days after their end."""
    jobs = services.changes.jobs.list_jobs(line, before, limit, who.lines_as(Role.VIEWER))
    answers = tuple(JobAnswer.of(each) for each in jobs)
    return JobList(jobs=answers, next_before=jobs[-1].number if len(jobs) == limit else None)


@router.get("/{number}")
@shows_own_lines
def read_job(services: Services, number: JobNumber, who: Viewer) -> JobAnswer:
    """Return one job."""
    job = services.changes.jobs.job(number)
    require_on_line(who, Role.VIEWER, job.line)
    return JobAnswer.of(job)


@router.delete("/{number}", responses=WRITE_RESPONSES)
def cancel_job(services: Services, number: JobNumber, who: Engineer) -> JobAnswer:
    """Cancel an open job: it stops at its next step. An ended one stays as it is."""
    require_on_line(who, Role.ENGINEER, services.changes.jobs.job(number).line)
    return JobAnswer.of(services.changes.jobs.cancel(number, who.name))


def accept(response: Response, job: LineJob) -> JobAnswer:
    """Answer that a job was started, and where it can be followed."""
    response.headers["Location"] = f"{PREFIX}/jobs/{job.number}"
    return JobAnswer.of(job)
