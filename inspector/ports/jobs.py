"""Port of `adapters/ledger`: long work that people start and follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol


class JobKind(StrEnum):
    """What a job does.

    PRICE: replay stored parts under a draft. QUALIFICATION: judge a line's challenge set. TEACH: learn from a line's
    golden samples and reviewed parts.
    """

    PRICE = "price"
    QUALIFICATION = "qualification"
    TEACH = "teach"


class JobState(StrEnum):
    """How far a job is. FAILED also ends the jobs of a service that stopped."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


OPEN_STATES: Final = frozenset({JobState.QUEUED, JobState.RUNNING})


class NewJob(NamedTuple):
    """A job to start. `subject` is what it is about: a draft's id, or the line. `owner` is the service that runs it."""

    kind: JobKind
    line: str
    subject: str
    author: str
    owner: str
    created_at: datetime


class LineJob(NamedTuple):
    """A job. `done` of `total` steps; `result` once it is DONE, `error` once it FAILED."""

    number: int
    kind: JobKind
    line: str
    subject: str
    author: str
    state: JobState
    done: int
    total: int
    result: Mapping[str, Any] | None
    error: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES


class JobEnd(NamedTuple):
    """How a job ended. `author` is who cancelled it."""

    state: JobState
    at: datetime
    result: Mapping[str, Any] | None = None
    error: str = ""
    author: str = ""


class JobStore(Protocol):
    """The jobs of all services on this database. Synchronous. Raises LedgerError."""

    def add_job(self, job: NewJob) -> LineJob:
        """Store a queued job. Where one of this kind and subject is open, that one is returned instead."""

    def start_job(self, number: int, at: datetime) -> bool:
        """Record that a queued job runs; returns False for one that has ended."""

    def report_job(self, number: int, done: int, total: int) -> None:
        """Record how far a job is."""

    def end_job(self, number: int, end: JobEnd) -> bool:
        """Record the end of an open job; returns False for one that has ended."""

    def job(self, number: int) -> LineJob | None: ...

    def jobs(
        self, line: str | None, before: int | None, limit: int, lines: Sequence[str] | None = None
    ) -> list[LineJob]:
        """List the newest jobs, the newest first; with `before` only older ones. `lines` are all that may be listed."""

    def newest_job(self, kind: JobKind, subject: str) -> LineJob | None:
        """Return the newest job of this kind about this subject."""

    def fail_open_jobs(self, owner: str, at: datetime, error: str) -> int:
        """End all open jobs of a service that no longer runs them; returns how many there were."""
