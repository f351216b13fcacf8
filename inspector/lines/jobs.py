"""Long work in the running service: one job of a kind at a time, with progress, cancellation and a stored end."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from threading import Event, Lock
from typing import Any, Final

from pydantic_core import to_jsonable_python

from inspector.errors import InspectorError, LedgerError, NotFoundError
from inspector.ports.jobs import JobEnd, JobKind, JobState, JobStore, LineJob, NewJob
from inspector.utc import utc_now

log = logging.getLogger(__name__)

MAX_OPEN_JOBS: Final = 20  # of all kinds; more are refused
LOWER_PRIORITY: Final = 10  # of os.nice, for the thread of a job: replicas on this machine come first
STOPPED_TEXT: Final = "the service stopped while it ran; start it again"


class JobCancelled(Exception):
    """Somebody cancelled the job, or the service stops."""


class JobProgress:
    """What a running job reports to, and where it learns that it was cancelled."""

    def __init__(self, number: int, store: JobStore) -> None:
        self._number = number
        self._store = store
        self._cancelled = Event()

    def cancel(self) -> None:
        self._cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled.is_set()

    def check(self) -> None:
        """Raise JobCancelled once the job is cancelled."""
        if self.is_cancelled:
            raise JobCancelled

    def report(self, done: int, total: int) -> None:
        """Record how far the job is. Raises JobCancelled once it is cancelled."""
        self.check()
        self._store.report_job(self._number, done, total)


Work = Callable[[JobProgress], Mapping[str, Any]]


class Jobs:
    """The jobs of one service. Thread-safe. Every method raises LedgerError.

    Jobs that an earlier run of this service left open are FAILED.
    """

    def __init__(self, store: JobStore, owner: str, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._owner = owner
        self._now = now
        self._lock = Lock()
        self._running: dict[int, JobProgress] = {}
        self._threads: dict[JobKind, ThreadPoolExecutor] = {}

    def recover(self) -> None:
        """End the jobs of an earlier run."""
        if failed := self._store.fail_open_jobs(self._owner, self._now(), STOPPED_TEXT):
            log.warning("%d job(s) did not end before the service stopped", failed)

    def start(self, kind: JobKind, line: str, subject: str, author: str, work: Work) -> LineJob:
        """Queue the work. Where a job of this kind is open about the same subject, return that one.

        Raises InspectorError where too many jobs are open.
        """
        with self._lock:
            if len(self._running) >= MAX_OPEN_JOBS:
                raise InspectorError(f"{MAX_OPEN_JOBS} jobs are open; wait for one, or cancel one")
            job = self._store.add_job(NewJob(kind, line, subject, author, self._owner, self._now()))
            if job.number not in self._running:
                progress = self._running[job.number] = JobProgress(job.number, self._store)
                self._thread(kind).submit(self._run, job.number, progress, work)
        return job

    def job(self, number: int) -> LineJob:
        found = self._store.job(number)
        if found is None:
            raise NotFoundError(f"there is no job {number}; see the list of jobs")
        return found

    def list_jobs(
        self, line: str | None, before: int | None, limit: int, lines: Sequence[str] | None = None
    ) -> list[LineJob]:
        """List the newest jobs, the newest first. `lines` are all that may be listed."""
        return self._store.jobs(line, before, limit, lines)

    def newest(self, kind: JobKind, subject: str) -> LineJob | None:
        """Return the newest job of this kind about this subject."""
        return self._store.newest_job(kind, subject)

    def cancel(self, number: int, author: str) -> LineJob:
        """Cancel an open job: a queued one ends at once, a running one at its next step."""
        self.job(number)
        with self._lock:
            if progress := self._running.get(number):
                progress.cancel()
        self._store.end_job(number, JobEnd(JobState.CANCELLED, self._now(), author=author))
        return self.job(number)

    def close(self) -> None:
        """Cancel what is open and wait until the threads end."""
        with self._lock:
            for progress in self._running.values():
                progress.cancel()
            threads = list(self._threads.values())
        for each in threads:
            each.shutdown(cancel_futures=True)
        self.recover()

    def _thread(self, kind: JobKind) -> ThreadPoolExecutor:
        if kind not in self._threads:
            self._threads[kind] = ThreadPoolExecutor(1, f"job-{kind}", initializer=_lower_priority)
        return self._threads[kind]

    def _run(self, number: int, progress: JobProgress, work: Work) -> None:
        try:
            if not progress.is_cancelled and self._store.start_job(number, self._now()):
                self._store.end_job(number, self._end_of(progress, work))
        except LedgerError as error:
            log.warning("the end of job %d is not stored: %s", number, error)
        finally:
            with self._lock:
                del self._running[number]

    def _end_of(self, progress: JobProgress, work: Work) -> JobEnd:
        try:
            return JobEnd(JobState.DONE, result=to_jsonable_python(work(progress)), at=self._now())
        except JobCancelled:
            return JobEnd(JobState.CANCELLED, self._now())
        except InspectorError as error:
            return JobEnd(JobState.FAILED, self._now(), error=str(error))
        except Exception as error:
            log.exception("a job failed")
            return JobEnd(JobState.FAILED, self._now(), error=f"{type(error).__name__}: {error}; see the log")


def _lower_priority() -> None:
    """Lower the priority of this thread; on Linux, that of other threads stays."""
    with suppress(AttributeError, OSError):
        os.nice(LOWER_PRIORITY)
