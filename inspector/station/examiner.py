"""Examines one frame before its deadline: fetch, store, measure, judge.

Nothing here raises: every failure becomes the line's fail-safe decision with its reason.
"""

from __future__ import annotations

import asyncio
import logging
import time
import zlib
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from inspector.domain.decision import Decision, Reason, fail_safe
from inspector.domain.declared import Disposition
from inspector.domain.frame import Frame
from inspector.domain.line_state import LineState
from inspector.domain.part import Evidence
from inspector.domain.pipeline import Pipeline
from inspector.domain.quality import Measurements, quality_fault
from inspector.errors import LedgerError, PictureError, PoolError, PoolOverload
from inspector.judging.judged_decision import decision_of
from inspector.ports.camera import PictureReader
from inspector.ports.evidence import EvidenceStore
from inspector.ports.ledger import PipelineVersion
from inspector.ports.pool import Job, Pool
from inspector.runtime.tracing import current_span, span
from inspector.station.claim_fetcher import ClaimFetcher
from inspector.station.deadlines import Deadline
from inspector.station.findings import Findings
from inspector.station.time_reserve import TimeReserve
from inspector.station.worker_threads import ExaminerThreads

log = logging.getLogger(__name__)

LATE_EVIDENCE_TIMEOUT_MS: Final = 1000.0  # to store a late frame's picture: its verdict no longer waits
KEEP_TIMEOUT_MS: Final = 10_000.0  # to fetch and store a picture that no verdict waits for
# what a failure means for the part: the first class that matches
FAILURES: Final[tuple[tuple[type[Exception], Reason, str], ...]] = (
    (PictureError, Reason.BAD_IMAGE, "{error}"),
    (TimeoutError, Reason.DEADLINE, "no judgement in time"),
    (PoolOverload, Reason.OVERLOAD, "{error}"),
    (PoolError, Reason.MODEL_ERROR, "{error}"),
    (Exception, Reason.MODEL_ERROR, "internal error: {error!r}"),
)
EXPECTED: Final = (PictureError, TimeoutError, PoolError)


@dataclass(frozen=True, slots=True)
class Examiner:
    """Examines the frames of one station. `reserve` says what is kept of each deadline for storing and publishing."""

    pictures: PictureReader
    pool: Pool
    evidence: EvidenceStore
    reserve: TimeReserve
    claims: ClaimFetcher
    threads: ExaminerThreads = field(default_factory=ExaminerThreads)

    async def fetch(self, frame: Frame, due: Deadline) -> Frame:
        """Return the frame with its picture, which a claim check only refers to. Fetching twice is allowed."""
        if frame.claim is None or frame.payload or frame.fault:
            return frame
        try:
            picture = await self.claims.fetch(frame.claim, frame.key, self._left_ms(due) / 1000.0)
            return await asyncio.to_thread(replace, frame, payload=picture)  # which hashes an undeclared one
        except PictureError as error:
            return replace(frame, fault=str(error))

    async def examine(self, frame: Frame, line: PipelineVersion, due: Deadline) -> Findings:
        """Judge the frame while its picture is stored. Without a stored picture there is no PASS.

        A paused line's or camera's frame is stored and not judged.
        """
        storing = asyncio.create_task(self._store(frame, due))
        paused = line.status.is_paused(frame.key.camera)
        findings = _paused(line) if paused else await self._judge(frame, line, due)
        try:
            return replace(findings, evidence=await storing)
        except LedgerError as error:
            return replace(findings, decision=_unproved(findings.decision, line.pipeline, str(error)))

    async def refuse(self, frame: Frame, decision: Decision, due: Deadline) -> Findings:
        """Return this decision with the stored picture; nothing is asked about it."""
        try:
            return Findings(decision, evidence=await self._store(frame, due))
        except LedgerError as error:
            return Findings(replace(decision, detail=f"{decision.detail}; picture not stored: {error}"))

    async def keep(self, frame: Frame) -> Evidence | None:
        """Store the picture of a frame whose verdict is sent; None where that fails."""
        due = Deadline(time.monotonic() + KEEP_TIMEOUT_MS / 1000.0, KEEP_TIMEOUT_MS)
        try:
            return await self._store(await self.fetch(frame, due), due)
        except LedgerError:
            log.warning("the picture of %s is not stored", frame.key, exc_info=True)
            return None

    async def _store(self, frame: Frame, due: Deadline) -> Evidence | None:
        """Store the picture before the record that names it.

        Raises LedgerError when that takes too long: the verdict does not wait for a disk that hangs.
        """
        if not frame.payload:
            return None
        left_ms = self._left_ms(due)
        timeout_s = (left_ms if left_ms > 0.0 else LATE_EVIDENCE_TIMEOUT_MS) / 1000.0
        put = partial(self.evidence.put, frame.payload, frame.content_type)
        try:
            with span("store picture"):
                async with asyncio.timeout(timeout_s):
                    return await self.threads.evidence.run(put, frame.key[:2])
        except TimeoutError as error:
            raise LedgerError(f"the evidence store took more than {timeout_s:.1f} s") from error

    async def _judge(self, frame: Frame, line: PipelineVersion, due: Deadline) -> Findings:
        measured = None
        try:
            async with self._in_time(due):
                measured = await self._measure(frame, line.pipeline)
                template = line.template_sha256(frame.template)
                with span("ask model"):
                    result = await self.pool.judge(self._job(frame, line, template, due))
            return Findings(
                decision_of(line.pipeline, result.judgement), result.judgement, result.words, result.shadow, measured
            )
        except Exception as error:
            if not isinstance(error, EXPECTED):
                log.exception("frame %s", frame.key)
            return Findings(_failed(line.pipeline, error), measured=measured)

    async def _measure(self, frame: Frame, pipeline: Pipeline) -> Measurements:
        """Measure the picture. Raises PictureError for one that must not be judged."""
        if frame.fault:
            raise PictureError(frame.fault)
        measure = partial(
            self.pictures.measure, frame, pipeline.quality, pipeline.picture, pipeline.region(frame.key.camera)
        )
        measured = await self.threads.decoding.run(measure, frame.key[:2])
        if fault := quality_fault(measured, pipeline.quality):
            raise PictureError(fault)
        return measured

    def _job(self, frame: Frame, line: PipelineVersion, template: str, due: Deadline) -> Job:
        """Give the replica less time than the station waits: its votes so far must still come back."""
        remaining_ms = self._left_ms(due) - self.reserve.return_ms
        seed = zlib.crc32(str(frame.key).encode())
        return Job(
            frame.key,
            frame.payload,
            line.pipeline,
            line.golden,
            remaining_ms,
            seed,
            traceparent=current_span().traceparent or frame.traceparent,
            template=template,
        )

    def _in_time(self, due: Deadline) -> asyncio.Timeout:
        return asyncio.timeout(max(self._left_ms(due), 0.0) / 1000.0)

    def _left_ms(self, due: Deadline) -> float:
        now_s = time.monotonic()
        return due.left_ms(now_s) - self.reserve.reserved_ms(due.ms, now_s)


def _paused(line: PipelineVersion) -> Findings:
    what = "line" if line.status.state is LineState.PAUSED else "camera"
    return Findings(fail_safe(line.pipeline.fail_safe, Reason.PAUSED, f"the {what} is paused"))


def _failed(pipeline: Pipeline, error: Exception) -> Decision:
    reason, detail = next((reason, detail) for kind, reason, detail in FAILURES if isinstance(error, kind))
    return fail_safe(pipeline.fail_safe, reason, detail.format(error=error))


def _unproved(decision: Decision, pipeline: Pipeline, error: str) -> Decision:
    """Withdraw a PASS that cannot be proved later because its picture is not stored."""
    detail = f"picture not stored: {error}"
    if decision.disposition is not Disposition.PASS:
        return replace(decision, detail="; ".join(filter(None, (decision.detail, detail))))
    return fail_safe(pipeline.fail_safe, Reason.SAFE_MODE, detail)
