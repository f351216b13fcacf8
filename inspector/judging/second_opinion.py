"""The second opinion about a part: how its patches compare with those of the line's golden samples. No question is
asked and no picture encoded for it; the vision tower saw the patches when the part was opened for its first vote.

Golden samples are looked at once per line and replica. A part whose time runs out meanwhile leaves that to go on.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import Final, NamedTuple, Protocol

from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import Pictures, preamble
from inspector.domain.report import Box
from inspector.domain.vote import Opinion
from inspector.errors import ModelError
from inspector.judging.patch_distance import PatchAnomaly, PatchBank, build_patch_bank, hottest_region
from inspector.ports.engine import Engine, PatchMap, Picture, Prefix
from inspector.ports.evidence import EvidenceStore
from inspector.ports.pool import Job

REMEMBERED_LINES: Final = 64  # whose golden samples are kept in mind, those used last


class FrameOpinion(NamedTuple):
    """The opinion, the region that it is about, and how unlike the golden samples the picture is on the whole."""

    opinion: Opinion
    suspect: Box
    unlike: float = 0.0


class OpinionSource(Protocol):
    """Who gives second opinions."""

    async def opinion_on(self, prefix: Prefix, job: Job) -> FrameOpinion:
        """About the prefix's last picture, the part's whole frame. Raises ModelError where that can't be told."""


class PatchOpinionSource:
    """Second opinions from one engine's own patches."""

    def __init__(self, engine: Engine, evidence: EvidenceStore) -> None:
        self._engine = engine
        self._evidence = evidence
        self._memories: OrderedDict[tuple[str, ...], asyncio.Task[PatchBank]] = OrderedDict()

    async def opinion_on(self, prefix: Prefix, job: Job) -> FrameOpinion:
        memory, began = await self._memory(job), time.monotonic()
        patches = await self._engine.features(prefix)
        found = await asyncio.to_thread(memory.compare, patches)
        suspect, ms = hottest_region(found.heat), (time.monotonic() - began) * 1000.0
        return FrameOpinion(Opinion(found.p_ng, ms, _told(found, suspect)), suspect, found.unlike)

    async def _memory(self, job: Job) -> PatchBank:
        """Of these golden samples; what failed is tried again for the next part."""
        known = self._memories.get(job.golden)
        if known is None or (known.done() and (known.cancelled() or known.exception())):
            known = asyncio.create_task(self._remember(job.golden, job.pipeline))
            self._memories[job.golden] = known
        self._memories.move_to_end(job.golden)
        while len(self._memories) > REMEMBERED_LINES:
            self._memories.popitem(last=False)
        return await asyncio.shield(known)

    async def _remember(self, golden: tuple[str, ...], pipeline: Pipeline) -> PatchBank:
        if not golden:
            raise ModelError(f"{pipeline.line} has no golden samples to compare with; apply the line again")
        seen = [await self._look(sha256, pipeline) for sha256 in golden]
        return await asyncio.to_thread(build_patch_bank, seen)

    async def _look(self, sha256: str, pipeline: Pipeline) -> PatchMap:
        picture = await asyncio.to_thread(golden_picture, self._evidence, sha256)
        prefix = await self._engine.open([picture], preamble(pipeline, Pictures.FRAME))
        try:
            return await self._engine.features(prefix)
        finally:
            await self._engine.close(prefix)


def golden_picture(evidence: EvidenceStore, sha256: str) -> Picture:
    """Raises ModelError for one that is not there."""
    try:
        return Picture(evidence.get(sha256))
    except KeyError as error:
        raise ModelError(f"golden sample {sha256[:12]}… is not in the evidence store; apply the line again") from error


def _told(found: PatchAnomaly, suspect: Box) -> str:
    """The opinion in words."""
    x0, y0, x1, y1 = (round(100 * each) for each in suspect)
    return f"{found.ratio:.2f} times as far as is usual, most at x {x0}-{x1} %, y {y0}-{y1} %"
