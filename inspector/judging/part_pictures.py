"""The pictures of one part for the engine: frame, detail and golden samples, each encoded at most once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final, NamedTuple

from inspector.domain.cameras import Region
from inspector.domain.prompts import CLAIM_ORDERS, LOCATE_REQUEST, LOCATE_TOKENS, Pictures, preamble
from inspector.domain.report import BOX_SCHEMA, WHOLE_FRAME, Box, read_box
from inspector.judging.nearest_golden import NearestGolden, declared_order
from inspector.judging.second_opinion import FrameOpinion, OpinionSource, golden_picture
from inspector.judging.similar_parts import FindSimilar, no_similar_parts
from inspector.judging.taught_opinion import LineOpinionSource
from inspector.ports.engine import Engine, GeneratedText, Picture, Prefix
from inspector.ports.evidence import EvidenceStore
from inspector.ports.pool import Job
from inspector.teaching.part_memory import SimilarParts

DETAILS: Final = frozenset({Pictures.ZOOM, Pictures.DETAIL, *CLAIM_ORDERS})
CONDITIONAL: Final = DETAILS | {Pictures.SIMILAR}  # shown only where there is something to show
MIN_MAGNIFICATION: Final = 1.2  # of a detail against the frame, below which it shows what was seen
LOCATE_START: Final = '{"bbox_2d": ['


class RelocatedBox(NamedTuple):
    """A region that the model named in a detail, on the whole frame, and the number of tokens this took."""

    box: Box
    tokens: int


class PartPictures:
    """The prefixes of one part's pictures: each is opened at most once and kept until `close`."""

    def __init__(
        self,
        engine: Engine,
        evidence: EvidenceStore,
        job: Job,
        opinions: OpinionSource | None = None,
        nearest: NearestGolden = declared_order,
        find_similar: FindSimilar = no_similar_parts,
    ) -> None:
        self._engine = engine
        self._evidence = evidence
        self._job = job
        self._opinions = opinions or LineOpinionSource(engine, evidence)
        self._nearest = nearest
        self._find_similar = find_similar
        self._similar: SimilarParts | None = None
        self._opinion: FrameOpinion | None = None
        self._frame = job.picture
        self._detail: Box | None = None
        self._prefixes: dict[Pictures, Prefix] = {}

    @property
    def region(self) -> Region | None:
        """The region of the frame that the pictures show. All boxes here are boxes of it."""
        return self._job.region

    async def prefix(self, pictures: Pictures) -> Prefix:
        """Return the prefix for these pictures, opening it on first use."""
        if pictures not in self._prefixes:
            shown = await asyncio.to_thread(self._shown, pictures)
            self._prefixes[pictures] = await self._engine.open(shown, preamble(self._job.pipeline, pictures))
        return self._prefixes[pictures]

    async def second_opinion(self, pictures: Pictures = Pictures.FRAME) -> FrameOpinion:
        """Return the second opinion, from a frame that is encoded for votes anyway.

        The frame is the last of these pictures, unless they are a detail, or need reviewed parts.
        """
        if self._opinion is None:
            prefix = await self.prefix(Pictures.FRAME if pictures in CONDITIONAL else pictures)
            self._opinion = await self._opinions.opinion_on(prefix, self._job)
        return self._opinion

    async def zoom_to_suspect(self) -> bool:
        """Zoom to the most suspicious region; False where there is none, or nothing new to see.

        The pipeline chooses the source of the region: the second opinion or the model.
        """
        declared = self._job.pipeline.second_opinion
        box = (await self.second_opinion()).suspect if declared and declared.points else await self.locate_suspect()
        return await self.zoom_to(box)

    async def zoom_to(self, box: Box | None) -> bool:
        """Zoom to this region; False where there is none, or where it would show no more than the frame did."""
        await self._set_detail(box)
        if box is None:
            return False
        seen, shown = await self.prefix(Pictures.FRAME), await self.prefix(Pictures.ZOOM)
        return shown.scale >= MIN_MAGNIFICATION * seen.scale

    async def show_claim(self, box: Box) -> None:
        """Let the next prefixes of claims show this region."""
        await self._set_detail(box)

    async def has_similar(self) -> bool:
        """Find the reviewed parts that look most like this one; False where an OK or an NG one is missing."""
        if self._similar is None:
            self._similar = await asyncio.to_thread(self._find_similar, self._frame, self._job)
        return self._similar is not None

    async def locate_suspect(self) -> Box | None:
        """Ask the model for the most suspicious region of the frame."""
        return read_box((await self._located(Pictures.FRAME, urgent=True)).text)

    async def relocate(self, box: Box) -> RelocatedBox | None:
        """Ask the model for the defect again, on the detail around `box`.

        Returns None where the detail is the whole frame, or where the model names no region.
        """
        await self._set_detail(box)
        if (window := (await self.prefix(Pictures.DETAIL)).window) == WHOLE_FRAME:
            return None
        answer = await self._located(Pictures.DETAIL, urgent=False)
        box_in_detail = read_box(answer.text)
        return RelocatedBox(box_in_detail.to_frame(window), answer.tokens) if box_in_detail else None

    async def _located(self, pictures: Pictures, *, urgent: bool) -> GeneratedText:
        prefix = await self.prefix(pictures)
        return await self._engine.write(
            prefix, LOCATE_REQUEST, start=LOCATE_START, max_tokens=LOCATE_TOKENS, schema=BOX_SCHEMA, urgent=urgent
        )

    async def _set_detail(self, box: Box | None) -> None:
        if box != self._detail:
            for pictures in DETAILS & self._prefixes.keys():
                await self._engine.close(self._prefixes.pop(pictures))
        self._detail = box

    async def close(self) -> None:
        """Free all prefixes."""
        for prefix in self._prefixes.values():
            await self._engine.close(prefix)
        self._prefixes.clear()

    def _shown(self, pictures: Pictures) -> list[Picture]:
        """Return stored pictures, then the part; of all of them the same detail where these pictures are one."""
        if pictures is Pictures.SIMILAR:
            return [*(self._stored(sha256) for sha256 in self._similar or ()), self._frame]
        job, one = self._job, dict.fromkeys((Pictures.COMPARE, Pictures.ZOOM, *CLAIM_ORDERS), 1)
        count = one.get(pictures, job.pipeline.references if pictures is Pictures.FRAME else 0)
        golden = self._nearest(self._frame, job)[:count] if count else ()
        shown = [self._stored(sha256) for sha256 in golden]
        crop = self._detail if pictures in DETAILS else None
        ordered = (self._frame, *shown) if pictures is Pictures.CLAIM_FIRST else (*shown, self._frame)
        return [replace(each, crop=crop) for each in ordered]

    def _stored(self, sha256: str) -> Picture:
        return golden_picture(self._evidence, sha256, self._job.pipeline, self._job.region)
