"""The second opinion about a part: the comparison of its patches with those of the line's golden samples.

It asks no question and encodes no additional picture: the vision tower computed the patches when the part was opened
for its first vote.

Golden samples are encoded once per line and replica. If a part's time ends meanwhile, the encoding continues for the
next part.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from inspector.domain.cameras import Region
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import Pictures, preamble
from inspector.domain.report import Box, on_frame
from inspector.domain.vote import Opinion
from inspector.errors import ModelError
from inspector.judging.heat_maps import heat_map
from inspector.judging.patch_distance import PatchAnomaly, PatchBank, build_patch_bank, hottest_region
from inspector.ports.engine import Engine, PatchMap, Picture, Prefix
from inspector.ports.evidence import EvidenceStore
from inspector.ports.pool import Job

BankKey = tuple[tuple[str, ...], int | None, Region | None]
REMEMBERED_LINES: Final = 64  # lines whose patch banks stay in memory, the latest used


class FrameOpinion(NamedTuple):
    """The second opinion, the suspicious region, and the picture's overall distance from the golden samples.

    `with_votes` completes an opinion that also weighs the model's first votes, from their log-odds.
    """

    opinion: Opinion
    suspect: Box
    unlike: float = 0.0
    with_votes: Callable[[float], Opinion] | None = None


class OpinionSource(Protocol):
    """A source of second opinions."""

    async def opinion_on(self, prefix: Prefix, job: Job) -> FrameOpinion:
        """Give an opinion on the prefix's last picture, the part's whole frame. Raises ModelError where that fails."""


class PatchOpinionSource:
    """Second opinions from one engine's own patches."""

    def __init__(self, engine: Engine, evidence: EvidenceStore) -> None:
        self._engine = engine
        self._evidence = evidence
        self._banks: OrderedDict[BankKey, asyncio.Task[PatchBank]] = OrderedDict()

    async def opinion_on(self, prefix: Prefix, job: Job) -> FrameOpinion:
        bank, began = await self._bank(job), time.monotonic()
        patches = await self._engine.features(prefix)
        anomaly = await asyncio.to_thread(bank.compare, patches)
        suspect, ms = hottest_region(anomaly.heat), (time.monotonic() - began) * 1000.0
        described = _described(anomaly, on_frame(suspect, job.region))
        heat = heat_map(anomaly.heat, job.region)
        return FrameOpinion(Opinion(anomaly.p_ng, ms, described, heat), suspect, anomaly.unlike)

    async def _bank(self, job: Job) -> PatchBank:
        """Return the patch bank of these golden samples. A failed attempt is repeated for the next part."""
        key = job.golden, job.pipeline.picture.bit_depth, job.region
        bank = self._banks.get(key)
        if bank is None or (bank.done() and (bank.cancelled() or bank.exception())):
            bank = asyncio.create_task(self._build_bank(job))
            self._banks[key] = bank
        self._banks.move_to_end(key)
        while len(self._banks) > REMEMBERED_LINES:
            self._banks.popitem(last=False)
        return await asyncio.shield(bank)

    async def _build_bank(self, job: Job) -> PatchBank:
        if not job.golden:
            raise ModelError(f"{job.pipeline.line} has no golden samples to compare with; apply the line again")
        patches = [await self._patches(sha256, job) for sha256 in job.golden]
        return await asyncio.to_thread(build_patch_bank, patches)

    async def _patches(self, sha256: str, job: Job) -> PatchMap:
        picture = await asyncio.to_thread(golden_picture, self._evidence, sha256, job.pipeline, job.region)
        prefix = await self._engine.open([picture], preamble(job.pipeline, Pictures.FRAME))
        try:
            return await self._engine.features(prefix)
        finally:
            await self._engine.close(prefix)


def golden_picture(evidence: EvidenceStore, sha256: str, pipeline: Pipeline, region: Region | None = None) -> Picture:
    """Load a golden sample, cut to the region of the camera whose part it is compared with. Raises ModelError."""
    try:
        return Picture(evidence.get(sha256), bit_depth=pipeline.picture.bit_depth, region=region)
    except KeyError as error:
        raise ModelError(f"golden sample {sha256[:12]}… is not in the evidence store; apply the line again") from error


def _described(anomaly: PatchAnomaly, suspect: Box) -> str:
    """Describe the anomaly in words."""
    x0, y0, x1, y1 = (round(100 * each) for each in suspect)
    return f"{anomaly.ratio:.2f} times as far as is usual, most at x {x0}-{x1} %, y {y0}-{y1} %"
