"""Examines one frame: fetches, keeps, measures and has it judged, all before its deadline.

Nothing here raises: whatever goes wrong becomes the line's fail-safe decision with its reason.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from inspector.decision import Decision, Reason, decide, fail_safe
from inspector.errors import LedgerError, PictureError, PoolError, PoolOverload
from inspector.findings import Findings, deadline_ms, tally
from inspector.frame import Frame
from inspector.part import Evidence
from inspector.pipeline import Disposition, Pipeline
from inspector.ports import EvidenceStore, Eye, Job, Judged, PipelineVersion, Pool, utc_now
from inspector.quality import Measurements, unfit

log = logging.getLogger(__name__)

MIN_KEEP_MS: Final = 1000.0  # a late frame's picture is still worth keeping


@dataclass(frozen=True, slots=True)
class Examiner:
    """`margin_ms` of each deadline is kept for storing and publishing."""

    eye: Eye
    pool: Pool
    evidence: EvidenceStore
    margin_ms: float = 100.0
    now: Callable[[], datetime] = utc_now

    async def fetch(self, frame: Frame, pipeline: Pipeline) -> Frame:
        """The frame with its picture, where its message only said where that lies."""
        if frame.claim is None:
            return frame
        try:
            async with self._in_time(frame, pipeline):
                return replace(frame, payload=await asyncio.to_thread(self.eye.fetch, frame.claim))
        except PictureError as error:
            return replace(frame, fault=str(error))
        except TimeoutError:
            return replace(frame, fault=f"{frame.claim.url} could not be fetched before the deadline")

    async def examine(self, frame: Frame, line: PipelineVersion) -> Findings:
        """The picture is kept while it is judged; a PASS whose picture could not be kept is none."""
        keeping = asyncio.create_task(self._keep(frame, line.pipeline))
        try:
            found = await self._judge(frame, line)
        except Exception as error:
            log.exception("frame %s", frame.key)
            found = Findings(fail_safe(line.pipeline.fail_safe, Reason.MODEL_ERROR, f"internal error: {error!r}"))
        try:
            return replace(found, evidence=await keeping)
        except LedgerError as error:
            return replace(found, decision=_unproved(found.decision, line.pipeline, f"picture not stored: {error}"))

    async def _keep(self, frame: Frame, pipeline: Pipeline) -> Evidence | None:
        """The picture is durable before the row that names it. Raises LedgerError where that takes too long: the
        verdict does not wait for a disk that hangs."""
        if not frame.payload:
            return None
        patience_s = max(self._remaining_ms(frame, pipeline), MIN_KEEP_MS) / 1000.0
        try:
            async with asyncio.timeout(patience_s):
                return await asyncio.to_thread(self.evidence.put, frame.payload, frame.content_type)
        except TimeoutError as error:
            raise LedgerError(f"the evidence store took more than {patience_s:.1f} s") from error

    async def _judge(self, frame: Frame, line: PipelineVersion) -> Findings:
        pipeline, seen = line.pipeline, None
        try:
            async with self._in_time(frame, pipeline):
                seen = await self._look(frame, pipeline)
                judged = await self.pool.judge(self._job(frame, line))
        except PictureError as error:
            return Findings(fail_safe(pipeline.fail_safe, Reason.BAD_IMAGE, str(error)), seen=seen)
        except TimeoutError:
            return Findings(fail_safe(pipeline.fail_safe, Reason.DEADLINE, "no judgement in time"), seen=seen)
        except PoolOverload as error:
            return Findings(fail_safe(pipeline.fail_safe, Reason.OVERLOAD, str(error)), seen=seen)
        except PoolError as error:
            return Findings(fail_safe(pipeline.fail_safe, Reason.MODEL_ERROR, str(error)), seen=seen)
        return Findings(_decision(pipeline, judged), judged.judgement, judged.words, seen)

    async def _look(self, frame: Frame, pipeline: Pipeline) -> Measurements:
        """Measures the picture. Raises PictureError for one that can't be judged."""
        if frame.fault:
            raise PictureError(frame.fault)
        seen = await asyncio.to_thread(self.eye.look, frame, pipeline.quality)
        if reason := unfit(seen, pipeline.quality):
            raise PictureError(reason)
        return seen

    def _job(self, frame: Frame, line: PipelineVersion) -> Job:
        """The replica gets less time than we wait: its votes so far must still come back."""
        remaining_ms = self._remaining_ms(frame, line.pipeline) - self.margin_ms / 2
        seed = zlib.crc32(str(frame.key).encode())
        return Job(frame.key, frame.payload, line.pipeline, line.golden, remaining_ms, seed)

    def _in_time(self, frame: Frame, pipeline: Pipeline) -> asyncio.Timeout:
        return asyncio.timeout(max(self._remaining_ms(frame, pipeline), 0.0) / 1000.0)

    def _remaining_ms(self, frame: Frame, pipeline: Pipeline) -> float:
        return deadline_ms(frame, pipeline) - frame.age_ms(self.now()) - self.margin_ms / 2


def _decision(pipeline: Pipeline, judged: Judged) -> Decision:
    judgement = judged.judgement
    decision = decide(pipeline, tally(pipeline, judgement), judgement.stopped_by)
    if judgement.detail and decision.reason is Reason.MODEL_ERROR:
        return replace(decision, detail=judgement.detail)
    return decision


def _unproved(decision: Decision, pipeline: Pipeline, why: str) -> Decision:
    """A PASS that can't be proved later is none."""
    if decision.disposition is not Disposition.PASS:
        return replace(decision, detail="; ".join(filter(None, (decision.detail, why))))
    return fail_safe(pipeline.fail_safe, Reason.SAFE_MODE, why)
