"""Stores jobs: who started them, how far they are, and how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from inspector.adapters.ledger.audit import append_audit
from inspector.adapters.ledger.database import ledger_errors, open_engine, read
from inspector.adapters.ledger.tables import is_open_job, jobs
from inspector.ports.access import AuditEntry
from inspector.ports.jobs import JobEnd, JobKind, JobState, LineJob, NewJob

MAX_CONNECTIONS: Final = 4
JOBS_KEPT: Final = timedelta(days=30)  # after their end


class SqlJobStore:
    """`ports.JobStore` for one database."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url, writes=True, connections=MAX_CONNECTIONS)

    def close(self) -> None:
        self._engine.dispose()

    def add_job(self, job: NewJob) -> LineJob:
        with ledger_errors("the job can't be stored"), self._engine.begin() as connection:
            connection.execute(delete(jobs).where(jobs.c.ended_at < job.created_at - JOBS_KEPT))
            return _open_one(connection, job) or _add(connection, job)

    def start_job(self, number: int, at: datetime) -> bool:
        queued = update(jobs).where(jobs.c.number == number, jobs.c.state == JobState.QUEUED.value)
        with ledger_errors("the job can't be started"), self._engine.begin() as connection:
            return connection.execute(queued.values(state=JobState.RUNNING, started_at=at)).rowcount > 0

    def report_job(self, number: int, done: int, total: int) -> None:
        with ledger_errors("the job's progress can't be stored"), self._engine.begin() as connection:
            connection.execute(update(jobs).where(jobs.c.number == number).values(done=done, total=total))

    def end_job(self, number: int, end: JobEnd) -> bool:
        result = None if end.result is None else dict(end.result)
        ended = {"state": end.state, "ended_at": end.at, "result": result, "error": end.error}
        with ledger_errors("the job's end can't be stored"), self._engine.begin() as connection:
            chosen = update(jobs).where(jobs.c.number == number, is_open_job).values(ended)
            line = connection.scalar(chosen.returning(jobs.c.line))
            if line is not None and end.author:
                append_audit(connection, AuditEntry(end.author, "job.cancel", str(number), {}, end.at, line))
            return line is not None

    def job(self, number: int) -> LineJob | None:
        return read(self._engine, _job, number)

    def jobs(
        self, line: str | None, before: int | None, limit: int, lines: Sequence[str] | None = None
    ) -> list[LineJob]:
        return read(self._engine, _jobs, line, before, limit, lines)

    def newest_job(self, kind: JobKind, subject: str) -> LineJob | None:
        return read(self._engine, _newest, kind, subject)

    def fail_open_jobs(self, owner: str, at: datetime, error: str) -> int:
        chosen = update(jobs).where(is_open_job, jobs.c.owner == owner)
        with ledger_errors("open jobs can't be ended"), self._engine.begin() as connection:
            return connection.execute(chosen.values(state=JobState.FAILED, ended_at=at, error=error)).rowcount


def _open_one(connection: Connection, job: NewJob) -> LineJob | None:
    same = (jobs.c.kind == job.kind, jobs.c.subject == job.subject, jobs.c.owner == job.owner)
    row = connection.execute(select(jobs).where(is_open_job, *same)).first()
    return _read(row) if row else None


def _add(connection: Connection, job: NewJob) -> LineJob:
    row = job._asdict() | {"state": JobState.QUEUED, "done": 0, "total": 0, "error": ""}
    number = connection.execute(insert(jobs).returning(jobs.c.number), row).scalar_one()
    subject = f"{job.kind}/{job.subject}"
    append_audit(connection, AuditEntry(job.author, "job.start", subject, {"job": number}, job.created_at, job.line))
    stored = connection.execute(select(jobs).where(jobs.c.number == number)).one()
    return _read(stored)


def _job(connection: Connection, number: int) -> LineJob | None:
    row = connection.execute(select(jobs).where(jobs.c.number == number)).first()
    return _read(row) if row else None


def _jobs(
    connection: Connection, line: str | None, before: int | None, limit: int, lines: Sequence[str] | None
) -> list[LineJob]:
    wanted = select(jobs).order_by(jobs.c.number.desc()).limit(limit)
    if line is not None:
        wanted = wanted.where(jobs.c.line == line)
    if lines is not None:
        wanted = wanted.where(jobs.c.line.in_(lines))
    if before is not None:
        wanted = wanted.where(jobs.c.number < before)
    return [_read(row) for row in connection.execute(wanted)]


def _newest(connection: Connection, kind: JobKind, subject: str) -> LineJob | None:
    of_subject = select(jobs).where(jobs.c.kind == kind, jobs.c.subject == subject)
    row = connection.execute(of_subject.order_by(jobs.c.number.desc()).limit(1)).first()
    return _read(row) if row else None


def _read(row: Any) -> LineJob:
    return LineJob(
        row.number,
        JobKind(row.kind),
        row.line,
        row.subject,
        row.author,
        JobState(row.state),
        row.done,
        row.total,
        row.result,
        row.error,
        row.created_at,
        row.started_at,
        row.ended_at,
    )
