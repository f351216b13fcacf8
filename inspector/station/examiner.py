"""Examines one frame: fetches, keeps, measures and has it judged, all before its deadline.

Nothing here raises: whatever goes wrong becomes the line's fail-safe decision with its reason.
"""

from __future__ import annotations

import asyncio
import logging
import time
import zlib
from dataclasses import dataclass, replace
from typing import Final

from inspector.domain.decision import Decision, Reason, decide, fail_safe
from inspector.domain.declared import Disposition
from inspector.domain.frame import Frame
from inspector.domain.part import Evidence
from inspector.domain.pipeline import Pipeline
from inspector.domain.quality import Measurements, quality_fault
from inspector.errors import LedgerError, PictureError, PoolError, PoolOverload
from inspector.ports.camera import PictureReader
from inspector.ports.evidence import EvidenceStore
from inspector.ports.ledger import PipelineVersion
from inspector.ports.pool import Job, Pool, PoolResult
from inspector.station.deadlines import Deadline
from inspector.station.findings import Findings, tally
from inspector.station.time_reserve import WayHome

log = logging.getLogger(__name__)

LATE_KEEP_MS: Final = 1000.0  # a late frame's picture is still worth keeping, and nobody waits for its verdict


@dataclass(frozen=True, slots=True)
class Examiner:
    """`way_home` says what of each deadline is kept for storing and publishing."""

    pictures: PictureReader
    pool: Pool
    evidence: EvidenceStore
    way_home: WayHome

    async def fetch(self, frame: Frame, due: Deadline) -> Frame:
        """The frame with its picture, where its message only said where that lies."""
        if frame.claim is None:
            return frame
        try:
            async with self._in_time(due):
                return replace(frame, payload=await asyncio.to_thread(self.pictures.fetch, frame.claim))
        except PictureError as error:
            return replace(frame, fault=str(error))
        except TimeoutError:
            return replace(frame, fault=f"{frame.claim.url} could not be fetched before the deadline")

    async def examine(self, frame: Frame, line: PipelineVersion, due: Deadline) -> Findings:
        """The picture is kept while it is judged; a PASS whose picture could not be kept is none."""
        keeping = asyncio.create_task(self._keep(frame, due))
        try:
            found = await self._judge(frame, line, due)
        except Exception as error:
            log.exception("frame %s", frame.key)
            found = Findings(fail_safe(line.pipeline.fail_safe, Reason.MODEL_ERROR, f"internal error: {error!r}"))
        try:
            return replace(found, evidence=await keeping)
        except LedgerError as error:
            return replace(found, decision=_unproved(found.decision, line.pipeline, f"picture not stored: {error}"))

    async def _keep(self, frame: Frame, due: Deadline) -> Evidence | None:
        """The picture is durable before the row that names it. Raises LedgerError where that takes too long: the
        verdict does not wait for a disk that hangs."""
        if not frame.payload:
            return None
        left_ms = self._left_ms(due)
        patience_s = (left_ms if left_ms > 0.0 else LATE_KEEP_MS) / 1000.0
        try:
            async with asyncio.timeout(patience_s):
                return await asyncio.to_thread(self.evidence.put, frame.payload, frame.content_type)
        except TimeoutError as error:
            raise LedgerError(f"the evidence store took more than {patience_s:.1f} s") from error

    async def _judge(self, frame: Frame, line: PipelineVersion, due: Deadline) -> Findings:
        pipeline, seen = line.pipeline, None
        try:
            async with self._in_time(due):
                seen = await self._look(frame, pipeline)
                judged = await self.pool.judge(self._job(frame, line, due))
        except PictureError as error:
            return Findings(fail_safe(pipeline.fail_safe, Reason.BAD_IMAGE, str(error)), seen=seen)
        except TimeoutError:
            return Findings(fail_safe(pipeline.fail_safe, Reason.DEADLINE, "no judgement in time"), seen=seen)
        except PoolOverload as error:
            return Findings(fail_safe(pipeline.fail_safe, Reason.OVERLOAD, str(error)), seen=seen)
        except PoolError as error:
            return Findings(fail_safe(pipeline.fail_safe, Reason.MODEL_ERROR, str(error)), seen=seen)
        return Findings(_decision(line, judged), judged.judgement, judged.words, judged.shadow, seen)

    async def _look(self, frame: Frame, pipeline: Pipeline) -> Measurements:
        """Measures the picture. Raises PictureError for one that can't be judged."""
        if frame.fault:
            raise PictureError(frame.fault)
        seen = await asyncio.to_thread(self.pictures.measure, frame, pipeline.quality)
        if reason := quality_fault(seen, pipeline.quality):
            raise PictureError(reason)
        return seen

    def _job(self, frame: Frame, line: PipelineVersion, due: Deadline) -> Job:
        """The replica gets less time than we wait: its votes so far must still come back."""
        remaining_ms = self._left_ms(due) - self.way_home.back_ms
        seed = zlib.crc32(str(frame.key).encode())
        return Job(frame.key, frame.payload, line.pipeline, line.golden, remaining_ms, seed)

    def _in_time(self, due: Deadline) -> asyncio.Timeout:
        return asyncio.timeout(max(self._left_ms(due), 0.0) / 1000.0)

    def _left_ms(self, due: Deadline) -> float:
        now_s = time.monotonic()
        return due.left_ms(now_s) - self.way_home.margin_ms(due.ms, now_s)


def _decision(line: PipelineVersion, judged: PoolResult) -> Decision:
    judgement = judged.judgement
    if judgement.is_bad_image:
        return fail_safe(line.pipeline.fail_safe, Reason.BAD_IMAGE, judgement.detail)
    decision = decide(line.pipeline, tally(line, judgement), judgement.stopped_by)
    if judgement.detail and decision.reason is Reason.MODEL_ERROR:
        return replace(decision, detail=judgement.detail)
    return _of_first_rung(decision) if judgement.is_short else decision


def _of_first_rung(decision: Decision) -> Decision:
    """What the rest of the ladder might have settled was left open by the overload, not by the part."""
    reason = Reason.OVERLOAD if decision.reason is Reason.DEADLINE else decision.reason
    detail = "; ".join(filter(None, ("overload: only the first rung was asked", decision.detail)))
    return replace(decision, reason=reason, detail=detail)


def _unproved(decision: Decision, pipeline: Pipeline, why: str) -> Decision:
    """A PASS that can't be proved later is none."""
    if decision.disposition is not Disposition.PASS:
        return replace(decision, detail="; ".join(filter(None, (decision.detail, why))))
    return fail_safe(pipeline.fail_safe, Reason.SAFE_MODE, why)
